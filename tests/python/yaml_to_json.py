"""Prints the documents of YAML files as JSON: [{"file", "document"}]."""

import json
import sys

import yaml

found = []
for file in sys.argv[1:]:
    with open(file) as text:
        found += [{"file": file, "document": document} for document in yaml.safe_load_all(text) if document]
print(json.dumps(found))
