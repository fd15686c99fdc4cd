"""Great Expectations 0.18 results over the tables of table.py: one suite result, one checkpoint result.

pip install great_expectations==0.18.22 "pandas<2.2" "numpy<2"
"""
import json
import os
import re
import sys
import tempfile
import warnings
from pathlib import Path

warnings.filterwarnings("ignore")
import great_expectations as gx

sys.path.insert(0, str(Path(__file__).parent))
from table import tables

HERE = Path(__file__).parent
VERSION = gx.__version__


def write(what, body):
    path = HERE / f"great-expectations-{VERSION}-{what}.json"
    text = body if isinstance(body, str) else json.dumps(body)
    # Tracebacks and links name the place Python and the docs lie in; only that is cut.
    for place in (sys.prefix, sys.base_prefix):
        text = text.replace(place, "python")
    text = re.sub(re.escape(tempfile.gettempdir()) + r"/\w+", "docs", text)
    path.write_text(text + "\n")
    print(path.name, path.stat().st_size, list(json.loads(text)))


def expect(over):
    over.expect_column_values_to_not_be_null("visits", mostly=0.99)
    over.expect_column_values_to_be_between("age", min_value=0, max_value=120)
    over.expect_column_values_to_be_in_set("city", ["Bern", "Lyon", "Graz", "Turin"])
    over.expect_column_distinct_values_to_be_in_set("plan", ["basic", "plus", "pro"])
    over.expect_column_values_to_be_unique("income")
    over.expect_column_values_to_be_of_type("visits", "int64")
    over.expect_column_values_to_match_regex("plan", "^[a-z]+$")
    over.expect_column_mean_to_be_between("income", 20000, 32000)
    over.expect_column_stdev_to_be_between("age", max_value=20)
    over.expect_compound_columns_to_be_unique(["age", "income"])
    over.expect_column_pair_values_a_to_be_greater_than_b("income", "age")
    over.expect_table_row_count_to_be_between(1000, 5000)
    over.expect_table_columns_to_match_ordered_list(["row_id", "age", "price"])
    over.expect_column_to_exist("price")
    over.expect_column_unique_value_count_to_be_between("flat", min_value=2)
    over.expect_column_max_to_be_between("age", max_value=120)
    over.expect_column_kl_divergence_to_be_less_than(
        "city", {"values": ["Bern", "Lyon", "Graz", "Turin"], "weights": [0.4, 0.3, 0.2, 0.1]}, threshold=0.02
    )
    over.expect_column_values_to_not_be_null("label")


def main():
    _, test = tables()
    context = gx.get_context()
    context.variables.progress_bars = {"globally": False}
    asset = context.sources.add_pandas("tables").add_dataframe_asset("people")
    request = asset.build_batch_request(dataframe=test)
    context.add_or_update_expectation_suite("people")
    over = context.get_validator(batch_request=request, expectation_suite_name="people")
    expect(over)
    suite = over.get_expectation_suite(discard_failed_expectations=False)
    suite.add_expectation(
        gx.core.ExpectationConfiguration("expect_column_mean_to_be_between", {"column": "no such column", "min_value": 0})
    )
    context.update_expectation_suite(suite)
    over = context.get_validator(batch_request=request, expectation_suite_name="people")
    write("suite-result", over.validate().to_json_dict())
    # The simplest form: what a lone expectation answers.
    write("one-expectation", over.expect_column_values_to_be_between("age", 0, 120).to_json_dict())

    small = asset.build_batch_request(dataframe=test[["row_id", "age", "income", "visits", "city", "plan", "flat", "label"]].iloc[:60])
    checkpoint = context.add_or_update_checkpoint(
        name="nightly",
        validations=[{"batch_request": small, "expectation_suite_name": "people"}],
        runtime_configuration={"result_format": {"result_format": "SUMMARY"}},
    )
    done = checkpoint.run(run_name="nightly-1")
    write("checkpoint-result", done.to_json_dict())
    write("checkpoint-results-only", {"run_results": {str(k): v["validation_result"].to_json_dict() for k, v in done.run_results.items()}})


if __name__ == "__main__":
    os.chdir(tempfile.mkdtemp())
    main()
