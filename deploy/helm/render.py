"""Render the chart with Helm's own engine, validate it against the Kubernetes schemas, and write it to rendered/.

`python deploy/helm/render.py`, in an environment of its own: pip install helm-python-sdk kubernetes-validate pyyaml.
The tests read what this wrote, and fail when the chart has changed since.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

HERE = Path(__file__).parent
CHART = HERE / "kifayat"
CASES = {"defaults": None, "everything": CHART / "ci" / "everything.yaml"}
#: What is not of Kubernetes itself, and has no schema there.
FOREIGN = {"monitoring.coreos.com/v1"}


def fingerprint() -> str:
    """Of every file of the chart."""
    digest = hashlib.sha256()
    for path in sorted(path for path in CHART.rglob("*") if path.is_file()):
        digest.update(path.relative_to(CHART).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def main() -> int:
    """Exit code 1 if Helm's linter or a schema has anything to say."""
    import helm_python
    import kubernetes_validate
    import yaml

    faults = 0
    (HERE / "rendered").mkdir(exist_ok=True)
    for name, file in CASES.items():
        values = yaml.safe_load(file.read_text(encoding="utf-8")) if file else {}
        for message in helm_python.lint(CHART, values=values, strict=True).get("messages", []):
            print(name, message)  # noqa: T201 - a command
        with helm_python.Chart.load(CHART) as chart:
            chart.validate_schema(values)
            files = chart.render(values=values, name="kifayat", namespace="cost")
        shown = [f"# Source: {path}\n{text.strip()}\n" for path, text in sorted(files.items())
                 if path.endswith(".yaml") and text.strip()]  # fmt: skip
        for text in shown:
            manifest = yaml.safe_load(text)
            if manifest["apiVersion"] in FOREIGN:
                continue
            for version in ("1.27", "1.37"):
                try:
                    kubernetes_validate.validate(manifest, version, strict=True)
                except kubernetes_validate.ValidationError as error:
                    faults += 1
                    print(name, manifest["kind"], version, error.path, error.message)  # noqa: T201 - a command
        head = f"# Made by deploy/helm/render.py from chart {fingerprint()}.\n"
        (HERE / "rendered" / f"{name}.yaml").write_text(head + "---\n".join(["", *shown]), encoding="utf-8")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
