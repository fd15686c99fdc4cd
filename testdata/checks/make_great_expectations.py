"""Great Expectations 1.x results over the tables of table.py: one suite result, one checkpoint result.

pip install great_expectations==1.24.1
"""
import json
import sys
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
    path.write_text((body if isinstance(body, str) else json.dumps(body)) + "\n")
    print(path.name, path.stat().st_size, list(json.loads(path.read_text())))


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
        gxe.ExpectColumnQuantileValuesToBeBetween(
            column="income", quantile_ranges={"quantiles": [0.1, 0.5, 0.9], "value_ranges": [[15000, 20000], [24000, 30000], [38000, 45000]]}
        ),
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
    if "severity" in gxe.ExpectColumnValuesToNotBeNull.model_fields if hasattr(gxe.ExpectColumnValuesToNotBeNull, "model_fields") else "severity" in gxe.ExpectColumnValuesToNotBeNull.__fields__:
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
    write("checkpoint-result", done.json())
    one = batch.get_batch({"dataframe": test}).validate(gxe.ExpectColumnValuesToBeBetween(column="age", min_value=0, max_value=120))
    write("one-expectation", one.to_json_dict())


if __name__ == "__main__":
    main()
