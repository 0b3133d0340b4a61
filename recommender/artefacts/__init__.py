"""Ready to apply: a recipe as commands, Terraform, policies, manifests. Kifayat itself changes nothing in a cloud."""
