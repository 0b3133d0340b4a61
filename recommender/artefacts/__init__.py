"""Ready to apply: a recipe as commands, Terraform, policies and manifests. Kifayat itself changes nothing in a cloud."""
