"""Holds Kubernetes manifests against the API's own schemas; prints a line for each that is wrong."""

import sys

import kubernetes_validate
import yaml

for file in sys.argv[1:]:
    with open(file) as text:
        for document in yaml.safe_load_all(text):
            try:
                kubernetes_validate.validate(document, "1.37", strict=True)
            except kubernetes_validate.ValidationError as error:
                path = ".".join(str(step) for step in error.path)
                print(f"{file}: {path}: {error.message}")
