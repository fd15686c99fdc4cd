"""Great Expectations 1.x results over the tables of table.py: one suite result, one checkpoint result.

pip install great_expectations==1.24.1
"""
import json
import re
import sys
import tempfile
import warnings
from pathlib import Path

warnings.filterwarnings("ignore")
import great_expectations as gx
import great_expectations.expectations as gxe

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


def expectations():
    made = [
        gxe.ExpectColumnValuesToNotBeNull(column="visits", mostly=0.99),
        gxe.ExpectColumnValuesToBeBetween(column="age", min_value=0, max_value=120),
        gxe.ExpectColumnValuesToBeInSet(column="city", value_set=["Bern", "Lyon", "Graz", "Turin"]),
        gxe.ExpectColumnDistinctValuesToBeInSet(column="plan", value_set=["basic", "plus", "pro"]),
        gxe.ExpectColumnValuesToBeUnique(column="income"),
        gxe.ExpectColumnValuesToBeOfType(column="visits", type_="int64"),
        gxe.ExpectColumnValuesToMatchRegex(column="plan", regex="^[a-z]+$"),
        gxe.ExpectColumnMeanToBeBetween(column="income", min_value=20000, max_value=32000),
        gxe.ExpectColumnStdevToBeBetween(column="age", max_value=20),
        gxe.ExpectColumnProportionOfUniqueValuesToBeBetween(column="row_id", min_value=0.99),
        gxe.ExpectColumnValueLengthsToBeBetween(column="city", min_value=4, max_value=4),
        gxe.ExpectCompoundColumnsToBeUnique(column_list=["age", "income"]),
        gxe.ExpectColumnPairValuesAToBeGreaterThanB(column_A="income", column_B="age"),
        gxe.ExpectTableRowCountToBeBetween(min_value=1000, max_value=5000),
        gxe.ExpectTableColumnsToMatchSet(column_set=["row_id", "age", "income", "price"], exact_match=True),
        gxe.ExpectColumnToExist(column="price"),
        gxe.ExpectColumnUniqueValueCountToBeBetween(column="flat", min_value=2),
        gxe.ExpectColumnMaxToBeBetween(column="age", max_value=120),
        # ExpectColumnQuantileValuesToBeBetween is left out: it answers with a numpy boolean, which
        # Great Expectations cannot write as JSON.
        gxe.ExpectColumnKLDivergenceToBeLessThan(
            column="city",
            partition_object={"values": ["Bern", "Lyon", "Graz", "Turin"], "weights": [0.4, 0.3, 0.2, 0.1]},
            threshold=0.02,
        ),
        gxe.ExpectColumnMeanToBeBetween(column="no such column", min_value=0),
        gxe.ExpectColumnValuesToNotBeNull(column="label"),
    ]
    if hasattr(gxe, "ExpectColumnProportionOfNonNullValuesToBeBetween"):
        made.append(gxe.ExpectColumnProportionOfNonNullValuesToBeBetween(column="visits", min_value=0.95))
    if "severity" in gxe.ExpectColumnValuesToNotBeNull.__fields__:
        made.append(gxe.ExpectColumnValuesToNotBeNull(column="age", severity="info"))
        made.append(gxe.ExpectColumnValuesToBeInSet(column="label", value_set=[0], severity="warning"))
    return made


def main():
    _, test = tables()
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    source = context.data_sources.add_pandas("tables")
    batch = source.add_dataframe_asset("people").add_batch_definition_whole_dataframe("all")
    suite = context.suites.add(gx.ExpectationSuite(name="people", expectations=expectations()))
    result = batch.get_batch({"dataframe": test}).validate(suite)
    write("suite-result", result.to_json_dict())
    definition = context.validation_definitions.add(gx.ValidationDefinition(name="people", data=batch, suite=suite))
    checkpoint = context.checkpoints.add(
        gx.Checkpoint(name="nightly", validation_definitions=[definition], result_format={"result_format": "COMPLETE"})
    )
    small = test[["row_id", "age", "income", "visits", "city", "plan", "flat", "label"]].iloc[:60]
    done = checkpoint.run(batch_parameters={"dataframe": small})
    # `done.json()` fails in every 1.x ("RunIdentifier is not JSON serializable"), so people write
    # the results one by one, or the short form, `done.describe()`.
    write("checkpoint-results", {"success": done.success, "run_results": {str(k): v.to_json_dict() for k, v in done.run_results.items()}})
    try:
        write("checkpoint-describe", done.describe_dict())
    except TypeError as error:
        print("no short form:", error)
    one = batch.get_batch({"dataframe": test}).validate(gxe.ExpectColumnValuesToBeBetween(column="age", min_value=0, max_value=120))
    write("one-expectation", one.to_json_dict())


if __name__ == "__main__":
    main()
