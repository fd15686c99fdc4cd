"""An `Anomalies` message as JSON, built from the published schema and not by the tool itself.

pip install tensorflow-metadata

TensorFlow Data Validation users write what `validate_statistics` returns with protobuf's
`json_format.MessageToJson`, or as text (`write_anomalies_text`). Here the same message is filled in by
hand, with the wording the tool uses, and printed both ways, in either spelling of names.
"""
import json
import sys
from importlib.metadata import version
from pathlib import Path

from google.protobuf import json_format, text_format
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2

HERE = Path(__file__).parent
VERSION = version("tensorflow-metadata")
Info = anomalies_pb2.AnomalyInfo
Measure = anomalies_pb2.DriftSkewInfo.Measurement


def write(what, text, ending="json"):
    path = HERE / f"tfdv-schema-{VERSION}-{what}.{ending}"
    path.write_text(text + "\n")
    print(path.name, path.stat().st_size)


def add(out, column, severity, reasons):
    info = out.anomaly_info[column]
    info.path.step.append(column)
    info.severity = severity
    for kind, short, long in reasons:
        info.reason.add(type=kind, short_description=short, description=long)
    if len(reasons) > 1:
        info.short_description = "Multiple errors"
        info.description = " ".join(r[2] for r in reasons)
    else:
        info.short_description, info.description = reasons[0][1], reasons[0][2]


def main():
    out = anomalies_pb2.Anomalies()
    for name, kind in [("age", schema_pb2.FLOAT), ("income", schema_pb2.FLOAT), ("city", schema_pb2.BYTES)]:
        out.baseline.feature.add(name=name, type=kind)
    out.anomaly_name_format = anomalies_pb2.Anomalies.SERIALIZED_PATH
    add(out, "city", Info.ERROR, [(Info.ENUM_TYPE_UNEXPECTED_STRING_VALUES, "Unexpected string values", "Examples contain values missing from the schema: Oslo (~6%). ")])
    add(out, "age", Info.ERROR, [(Info.FLOAT_TYPE_BIG_FLOAT, "Out-of-range values", "Unexpectedly high value: 999>120(upto six significant digits)")])
    add(out, "visits", Info.ERROR, [
        (Info.FEATURE_TYPE_LOW_FRACTION_PRESENT, "Column dropped", "The feature was present in fewer examples than expected: minimum fraction = 1.000000, actual = 0.845000"),
        (Info.UNEXPECTED_DATA_TYPE, "Unexpected data type", "Expected data of type: INT but got FLOAT"),
    ])
    add(out, "price", Info.ERROR, [(Info.SCHEMA_MISSING_COLUMN, "Column dropped", "Column is completely missing")])
    add(out, "flat", Info.WARNING, [(Info.SCHEMA_NEW_COLUMN, "New column", "New column (column in data but not in schema)")])
    add(out, "plan", Info.ERROR, [(Info.COMPARATOR_L_INFTY_HIGH, "High Linfty distance between current and previous", "The Linfty distance between current and previous is 0.0352941 (up to six significant digits), above the threshold 0.01. The feature value with maximum difference is: basic")])
    add(out, "income", Info.ERROR, [(Info.COMPARATOR_JENSEN_SHANNON_DIVERGENCE_HIGH, "High approximate Jensen-Shannon divergence between training and serving", "The approximate Jensen-Shannon divergence between training and serving is 0.351 (up to six significant digits), above the threshold 0.1.")])
    whole = out.dataset_anomaly_info
    whole.severity = Info.ERROR
    whole.short_description = "Low num examples in dataset."
    whole.description = "The dataset has 400 examples, which is fewer than expected."
    whole.reason.add(type=Info.DATASET_LOW_NUM_EXAMPLES, short_description=whole.short_description, description=whole.description)
    for column, kind, value, threshold, skew in [
        ("plan", Measure.L_INFTY, 0.0352941, 0.01, False),
        ("income", Measure.JENSEN_SHANNON_DIVERGENCE, 0.351, 0.1, True),
        ("age", Measure.JENSEN_SHANNON_DIVERGENCE, 0.012, 0.1, True),
    ]:
        info = out.drift_skew_info.add()
        info.path.step.append(column)
        measurements = info.skew_measurements if skew else info.drift_measurements
        measurements.add(type=kind, value=value, threshold=threshold)
    write("anomalies", json_format.MessageToJson(out))
    write("anomalies-proto-names", json.dumps(json_format.MessageToDict(out, preserving_proto_field_name=True)))
    write("anomalies", text_format.MessageToString(out).rstrip("\n"), "pbtxt")
    write("no-anomalies", json_format.MessageToJson(anomalies_pb2.Anomalies(baseline=out.baseline)))


if __name__ == "__main__":
    main()
