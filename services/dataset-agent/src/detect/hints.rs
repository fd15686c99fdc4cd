//! `skewed_target`, `heavy_tailed_feature`, `high_cardinality`: what a modeller likes to know and
//! nobody has to mend. Notes, never findings. Skewness beyond 2 in absolute value is "substantial" in
//! the usual rule (West, Finch and Curran 1995); a tail is heavy when its 99.9th percentile lies ten
//! times as far from the median as its 90th (a normal tail: 2.4 times; ours).

use deepfix_agent::{Analysis, Sink, Stop};
use deepfix_model::{Checked, Note};

use super::Data;
use crate::{
    stats::drift::{quantile, standard_deviation},
    table::Kind,
};

/// Most notes of one kind.
const SHOWN: usize = 8;

pub(crate) fn detect(analysis: &mut Analysis<'_>, _sink: &mut Sink<'_>, data: &Data) -> Result<(), Stop> {
    let Some((_, table)) = data.splits().next() else { return Ok(()) };
    let (mut heavy, mut cardinal) = (Vec::new(), Vec::new());
    for (name, column) in table.columns() {
        if data.label.as_deref() == Some(name) {
            let sorted = column.sorted();
            let sd = standard_deviation(sorted);
            if data.regression && sorted.len() >= 50 && sd > 0.0 {
                let mean = sorted.iter().sum::<f64>() / sorted.len() as f64;
                let skew = sorted.iter().map(|x| ((x - mean) / sd).powi(3)).sum::<f64>() / sorted.len() as f64;
                analysis.checked(Checked::done("skewed_target", 1, 0));
                if skew.abs() > 2.0 {
                    analysis.note(
                        Note::new(
                            "skewed_target",
                            "label",
                            format!("the label `{name}` has skewness {skew:.1}; a logarithm, or a loss that is not squared, may fit it better"),
                        )
                        .column(name),
                    );
                }
            }
            continue;
        }
        if !data.is_feature(name) {
            continue;
        }
        match column.kind {
            Kind::Word if column.spread().distinct > 50 => cardinal.push((name.clone(), column.spread().distinct)),
            Kind::Number if column.present() >= 1000 => {
                let sorted = column.sorted();
                let q = |p: f64| quantile(sorted, p);
                let ratio = |far: f64, near: f64| if near > 0.0 { far / near } else { 0.0 };
                let tail = ratio(q(0.999) - q(0.5), q(0.9) - q(0.5)).max(ratio(q(0.5) - q(0.001), q(0.5) - q(0.1)));
                if tail > 10.0 {
                    heavy.push((name.clone(), tail));
                }
            }
            _ => {}
        }
    }
    analysis.checked(Checked::done("heavy_tailed_feature", table.names().len(), 0));
    analysis.checked(Checked::done("high_cardinality", table.names().len(), 0));
    for (name, tail) in heavy.into_iter().take(SHOWN) {
        let text = format!(
            "the extreme thousandth of `{name}` lies {tail:.0} times as far from its median as its extreme tenth; a logarithm or ranks tame it"
        );
        analysis.note(Note::new("heavy_tailed_feature", format!("column:{name}"), text).column(&name));
    }
    for (name, distinct) in cardinal.into_iter().take(SHOWN) {
        let text = format!("`{name}` has {distinct} distinct words; one-hot encoding makes as many columns of it");
        analysis.note(Note::new("high_cardinality", format!("column:{name}"), text).column(&name));
    }
    Ok(())
}
