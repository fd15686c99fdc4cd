"""pandera's lazy error reports over the test frame of table.py.

pip install "pandera==0.17.2" "multimethod<1.11" "pandas<2.2" "numpy<2"   (cases only: its message is no JSON)
pip install "pandera==0.20.4" "pandas<2.3" "numpy<2"
pip install "pandera[pandas]==0.35.0" "pandas<3"
"""
import json
import sys
import warnings
from pathlib import Path

warnings.filterwarnings("ignore")
import pandera

try:
    import pandera.pandas as pa
except ImportError:
    import pandera as pa

sys.path.insert(0, str(Path(__file__).parent))
from table import tables

HERE = Path(__file__).parent
VERSION = pandera.__version__


def write(what, text, ending="json"):
    path = HERE / f"pandera-{VERSION}-{what}.{ending}"
    path.write_text(text.rstrip("\n") + "\n")
    print(path.name, path.stat().st_size)


def main():
    _, test = tables()
    schema = pa.DataFrameSchema(
        {
            "row_id": pa.Column(int, unique=True),
            "age": pa.Column(float, pa.Check.in_range(0, 120)),
            "income": pa.Column(float, [pa.Check.gt(0), pa.Check(lambda s: s.mean() < 32000, name="mean_below_32000", error="mean of income below 32000")]),
            "visits": pa.Column(float, nullable=False),
            "city": pa.Column(str, pa.Check.isin(["Bern", "Lyon", "Graz", "Turin"])),
            "plan": pa.Column(str, pa.Check.str_matches("^[a-z]+$")),
            "mixed": pa.Column(int),
            "day": pa.Column(unique=True),
            "label": pa.Column(int, pa.Check.isin([0, 1])),
            "price": pa.Column(float),
        },
        checks=pa.Check(lambda frame: frame["income"] > frame["age"] * 300, name="income_over_age"),
        unique=["age", "income"],
        strict=True,
        name="people",
    )
    frame = test.drop(columns=["leak", "amount"]).iloc[list(range(40)) + list(range(360, 400))]
    try:
        schema.validate(frame, lazy=True)
    except pa.errors.SchemaErrors as error:
        cases = error.failure_cases
        message = str(error)
        if isinstance(error.args[0] if error.args else None, dict) or message.startswith("{"):
            # str(error) is this JSON from 0.19 on.
            json.loads(message)
            write("message", message)
        else:
            print("message is no JSON:", message[:200])
        if hasattr(error, "message") and isinstance(error.message, dict):
            print("message keys", list(error.message), {k: list(v) for k, v in error.message.items()})
        cases = cases.astype({"failure_case": str}) if len(cases) else cases
        write("failure-cases", cases.to_json(orient="records"))
        write("failure-cases", cases.to_csv(index=False), "csv")
        if getattr(error, "error_counts", None) is not None:
            print("counts", dict(error.error_counts))


if __name__ == "__main__":
    main()
