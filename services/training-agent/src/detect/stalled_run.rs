//! `stalled_run`: time stamps show a gap far beyond the usual interval, or an interval that grows to a
//! multiple of what it was. Gaps that come regularly are evaluations.

use deepfix_model::{Evidence, Severity, above, fmt_number};

use super::{Case, Verdict};
use crate::{
    run::finding,
    stats::{largest, mean, median},
};

pub(super) fn detect(case: &Case<'_>) -> Verdict {
    // One name at a time: several of one step are written within milliseconds.
    let longest = case.run.log.series.iter().max_by_key(|s| s.seen());
    let mut stamps: Vec<f64> =
        longest.into_iter().flat_map(|s| s.points()).filter_map(|p| p.time()).filter(|t| t.is_finite()).collect();
    stamps.sort_by(f64::total_cmp);
    stamps.dedup();
    if stamps.len() < 8 {
        return Verdict::needs("eight time stamps");
    }
    // The first interval holds start-up and compilation.
    let intervals: Vec<f64> = stamps.windows(2).map(|w| w[1] - w[0]).skip(1).collect();
    let usual = median(&intervals);
    let (times, seconds) = (case.limits.get("stalled_run.times"), case.limits.get("stalled_run.seconds"));
    let gaps: Vec<usize> = (0..intervals.len()).filter(|&i| intervals[i] > times * usual && intervals[i] > seconds).collect();
    let between: Vec<f64> = gaps.windows(2).map(|w| (w[1] - w[0]) as f64).collect();
    let apart = mean(&between);
    let scatter = mean(&between.iter().map(|b| (b - apart).powi(2)).collect::<Vec<_>>()).sqrt();
    let regular = gaps.len() >= 3 && scatter <= 0.25 * apart + 0.5;
    if !gaps.is_empty() && !regular {
        let longest = largest(&intervals);
        return Verdict::found(
            finding("stalled_run", "run".to_owned(), Severity::Medium, above(longest, seconds.max(times * usual), 0.9))
                .title(format!("the run stood still for {} minutes", fmt_number((longest / 60.0).round())))
                .evidence(
                    Evidence::new("longest_gap", "log", longest)
                        .versus(">", seconds.max(times * usual))
                        .unit("seconds")
                        .method("longest time between two logged values"),
                )
                .evidence(
                    Evidence::new("usual_interval", "log", usual).unit("seconds").method("median time between two logged values"),
                )
                .evidence(Evidence::new("gaps", "log", gaps.len()).unit("gaps").method("gaps beyond both limits"))
                .fix(
                    "look at the machine's log for that hour: pre-emption, a full disk, a hanging loader or a lost peer",
                    "the time is paid for and nothing is learnt",
                )
                .step("py-spy dump --pid PID shows where a process that stands still stands"),
        );
    }
    let fifth = intervals.len() / 5;
    if intervals.len() >= 20 {
        let (early, late) = (median(&intervals[..fifth]), median(&intervals[intervals.len() - fifth..]));
        if early > 0.0 && late >= 5.0 * early && late >= 1.0 && late * fifth as f64 >= 60.0 {
            return Verdict::found(
                finding("stalled_run", "run".to_owned(), Severity::Medium, above(late / early, 5.0, 0.85))
                    .title(format!("the run slows down {} times", fmt_number(late / early)))
                    .evidence(Evidence::new("slowdown", "log", late / early).versus(">=", 5.0).method("median interval of the last fifth over that of the first"))
                    .evidence(Evidence::new("late_interval", "log", late).unit("seconds").method("median time between two logged values in the last fifth"))
                    .fix("watch memory and open files over the run", "what grows from step to step (lists of losses with their graphs, caches, loader workers) slows every later one")
                    .step("keep loss.item(), not loss; profile one step early and one late"),
            );
        }
    }
    Verdict::sound()
}
