"""Judges requests by botocore's description of Bedrock's runtime, which AWS makes its clients from.

Reads a list of `{name, path, body, status, said}` from the file in the first argument and prints a list of faults.
"""

import json
import re
import sys

from botocore.loaders import Loader
from botocore.model import ServiceModel

service = ServiceModel(Loader().load_service_model("bedrock-runtime", "service-2"))
OPERATIONS = {"converse": "Converse", "converse-stream": "ConverseStream"}
faults = []


class Judge:
    def __init__(self, name):
        self.name = name

    def fault(self, place, what):
        faults.append(f"{self.name}: {place}: {what}")

    def value(self, shape, value, place):
        # A document is any JSON.
        if getattr(shape, "is_document_type", False):
            return
        kind = getattr(self, "is_" + shape.type_name, None)
        if kind is None:
            raise NotImplementedError(f"a shape of type {shape.type_name}")
        kind(shape, value, place)

    def bounds(self, shape, size, place):
        limits = shape.metadata
        if "min" in limits and size < limits["min"]:
            self.fault(place, f"{size} is less than {limits['min']}")
        if "max" in limits and size > limits["max"]:
            self.fault(place, f"{size} is more than {limits['max']}")

    def typed(self, value, types, place):
        if isinstance(value, types) and not (isinstance(value, bool) and bool not in types):
            return True
        self.fault(place, f"is a {type(value).__name__}")
        return False

    def is_structure(self, shape, value, place):
        if not self.typed(value, (dict,), place):
            return
        for name in value:
            if name not in shape.members:
                self.fault(f"{place}.{name}".strip("."), f"{shape.name} has no such member")
        for name in shape.required_members:
            # What goes into the path is no part of the body.
            if name not in value and "location" not in shape.members[name].serialization:
                self.fault(f"{place}.{name}".strip("."), "is missing")
        known = [name for name in value if name in shape.members]
        if shape.is_tagged_union and len(value) == len(known) != 1:
            self.fault(place, f"{shape.name} has one member, not {sorted(value)}")
        for name in known:
            self.value(shape.members[name], value[name], f"{place}.{name}".strip("."))

    def is_list(self, shape, value, place):
        if self.typed(value, (list,), place):
            self.bounds(shape, len(value), place)
            for at, item in enumerate(value):
                self.value(shape.member, item, f"{place}[{at}]")

    def is_map(self, shape, value, place):
        if self.typed(value, (dict,), place):
            self.bounds(shape, len(value), place)
            for name, item in value.items():
                self.value(shape.key, name, place)
                self.value(shape.value, item, f"{place}.{name}")

    def is_string(self, shape, value, place):
        if not self.typed(value, (str,), place):
            return
        self.bounds(shape, len(value), place)
        if shape.enum and value not in shape.enum:
            self.fault(place, f"{value!r} is none of {shape.enum}")
        pattern = shape.metadata.get("pattern")
        # The service means the whole text, anchored or not.
        if pattern and not re.fullmatch(pattern, value):
            self.fault(place, f"{value!r} does not match {pattern}")

    def is_blob(self, shape, value, place):
        if self.typed(value, (str,), place) and not re.fullmatch(r"[A-Za-z0-9+/]*={0,2}", value):
            self.fault(place, "is no base64")

    def is_number(self, shape, value, place, types):
        if self.typed(value, types, place):
            self.bounds(shape, value, place)

    def is_integer(self, shape, value, place):
        self.is_number(shape, value, place, (int,))

    def is_float(self, shape, value, place):
        self.is_number(shape, value, place, (int, float))

    def is_boolean(self, shape, value, place):
        self.typed(value, (bool,), place)

    is_long, is_double = is_integer, is_float


for sent in json.load(open(sys.argv[1])):
    operation = OPERATIONS.get(sent["path"].rsplit("/", 1)[1])
    if operation is not None:
        shape = service.operation_model(operation).input_shape
        Judge(sent["name"]).value(shape, sent["body"], "")
    if sent["status"] >= 400:
        faults.append(f"{sent['name']}: refused with {sent['status']}: {sent['said']}")
print(json.dumps(faults))
