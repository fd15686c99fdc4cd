//! Several frames as one: columns are matched by name; one that a frame lacks is missing there.

use hashbrown::HashMap;
use polars::prelude::{Column, DataFrame, DataType, IntoColumn, PlSmallStr, PolarsResult, Series};

/// Rows of all frames, in order. Types that differ become the one that holds both: whole numbers with
/// fractions are numbers, anything else with anything else is text, whose cells are judged later.
pub(super) fn concat(mut frames: Vec<DataFrame>) -> PolarsResult<DataFrame> {
    if frames.len() == 1 {
        return Ok(frames.remove(0));
    }
    let mut names: Vec<PlSmallStr> = Vec::new();
    let mut types: HashMap<PlSmallStr, DataType> = HashMap::new();
    for column in frames.iter().flat_map(|frame| frame.columns()) {
        let name = column.name();
        let seen = types.get(name).cloned();
        if seen.is_none() {
            names.push(name.clone());
        }
        types.insert(name.clone(), common(seen, column.dtype()));
    }
    let columns = names.iter().map(|name| {
        let mut whole: Option<Series> = None;
        for frame in &frames {
            let part = match frame.column(name) {
                Ok(column) => column.as_materialized_series().cast(&types[name])?,
                Err(_) => Series::full_null(name.clone(), frame.height(), &types[name]),
            };
            match &mut whole {
                None => whole = Some(part),
                Some(whole) => {
                    whole.append(&part)?;
                }
            }
        }
        Ok(whole.map(|series| series.rechunk().into_column()))
    });
    let columns: Vec<Column> = columns.collect::<PolarsResult<Vec<_>>>()?.into_iter().flatten().collect();
    let height = frames.iter().map(DataFrame::height).sum();
    DataFrame::new(height, columns)
}

fn common(seen: Option<DataType>, new: &DataType) -> DataType {
    match seen {
        None | Some(DataType::Null) => new.clone(),
        Some(seen) if seen == *new || *new == DataType::Null => seen,
        Some(seen) if seen.is_integer() && new.is_integer() => DataType::Int64,
        Some(seen) if seen.is_numeric() && new.is_numeric() => DataType::Float64,
        Some(_) => DataType::String,
    }
}
