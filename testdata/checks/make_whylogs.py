"""whylogs constraint reports over the test frame of table.py, written the ways users write them.

pip install whylogs==1.6.4 "pandas<2.3" "numpy<2"

whylogs has no JSON of its own for a report: `generate_constraints_report()` gives a list of named
tuples, which people dump as lists, as maps (`_asdict()`), or as name and outcome only.
"""
import json
import sys
import warnings
from pathlib import Path

warnings.filterwarnings("ignore")
import whylogs as why
from whylogs.core.constraints import ConstraintsBuilder, DatasetConstraint, MetricConstraint, MetricsSelector
from whylogs.core.constraints import factories as f
from whylogs.core.relations import Predicate

sys.path.insert(0, str(Path(__file__).parent))
from table import tables

HERE = Path(__file__).parent
VERSION = why.__version__ if hasattr(why, "__version__") else __import__("importlib.metadata").metadata.version("whylogs")


def write(what, body):
    path = HERE / f"whylogs-{VERSION}-{what}.json"
    path.write_text(json.dumps(body) + "\n")
    print(path.name, path.stat().st_size)


def main():
    _, test = tables()
    test = test.drop(columns=["day", "mixed", "row_id"])
    view = why.log(test).profile().view()
    build = ConstraintsBuilder(dataset_profile_view=view)
    for constraint in [
        f.no_missing_values("visits"),
        f.null_percentage_below_number("visits", 0.1),
        f.null_values_below_number("visits", 10),
        f.is_in_range("age", 0, 120),
        f.smaller_than_number("age", 120),
        f.greater_than_number("age", 0),
        f.is_non_negative("income"),
        f.mean_between_range("income", 20000, 32000),
        f.stddev_between_range("age", 0, 20),
        f.quantile_between_range("income", 0.5, 24000, 30000),
        f.frequent_strings_in_reference_set("city", {"Bern", "Lyon", "Graz", "Turin"}),
        f.distinct_number_in_range("flat", 2, 10),
        f.unique_elements_percentage("income", 0.99, 1.0) if hasattr(f, "unique_elements_percentage") else f.is_non_negative("label"),
        f.column_is_nullable_integral("visits"),
        f.column_is_nullable_string("city"),
        f.count_below_number("income", 100),
        f.n_most_common_items_in_set("plan", 3, {"basic", "plus", "pro"}),
    ]:
        try:
            build.add_constraint(constraint)
        except ValueError as error:
            print("not added:", error)
    constraints = build.build()
    report = constraints.generate_constraints_report()
    print(type(report), type(report[0]).__name__, report[0])
    write("report-lists", report)
    write("report-maps", [one._asdict() for one in report])
    try:
        write("report-with-summary", [one._asdict() for one in constraints.generate_constraints_report(with_summary=True)])
    except TypeError as error:
        print("with_summary:", error)
    write("report-name-and-outcome", [(one.name, bool(one.passed)) for one in report])


if __name__ == "__main__":
    main()
