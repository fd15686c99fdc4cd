//! What detectors of pace and step size share: computed once per run, from the log and from whatever
//! parameters there are.

use crate::{
    log::{Curve, Quantity, Series, snake},
    run::Run,
    stats::{blocks, finite, interpolate, largest, mean, median, smallest, smooth, tail},
};

/// Families of optimizers that take steps of comparable size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Optimizer {
    /// Steps of about the learning rate, whatever the gradient: Adam and its kin.
    Adam,
    /// The same, from RMSprop's side.
    Rms,
    /// Steps proportional to the gradient.
    Sgd,
}

/// Which curve tells the pace of learning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    Train,
    Validation,
    Smoothed,
}

/// The facts.
#[derive(Debug)]
pub(crate) struct Facts {
    /// Train loss, one value per epoch (block means where no epoch is logged).
    pub(crate) y: Vec<f64>,
    /// Its values are those of single batches.
    pub(crate) sampled: bool,
    /// Validation loss.
    pub(crate) v: Vec<f64>,
    /// A loss is not finite somewhere.
    pub(crate) nan: bool,
    /// Adversarial or reinforcement learning, where a loss is no measure of progress.
    pub(crate) game: bool,
    /// One finite value per epoch without the noise of single batches.
    pub(crate) pace: Vec<f64>,
    pub(crate) pace_of: Pace,
    pub(crate) prior: Option<f64>,
    pub(crate) start: Option<f64>,
    pub(crate) optimizer: Option<Optimizer>,
    /// Boosted trees.
    pub(crate) tree: bool,
    /// Logged learning rates.
    pub(crate) rates: Vec<f64>,
    pub(crate) rate: Option<f64>,
    pub(crate) peak_rate: Option<f64>,
    /// Learning rate over the usual one of its optimizer.
    pub(crate) relative: Option<f64>,
    pub(crate) transformer: bool,
    pub(crate) finetune: bool,
    pub(crate) batch: Option<f64>,
    /// Rows per optimizer step.
    pub(crate) update_rows: Option<f64>,
    pub(crate) epochs: Option<f64>,
    pub(crate) logged_epochs: usize,
    /// Optimizer steps of the run.
    pub(crate) steps: Option<f64>,
    pub(crate) clip: Option<f64>,
    /// Logged gradient norms.
    pub(crate) norms: Vec<f64>,
    /// Initial weights are of an unusual kind.
    pub(crate) odd_init: bool,
    /// Fall of the second half over that of the first, in halves of learning rate spent, so that a
    /// decaying schedule does not look like convergence: 1 is a straight line, 0 has bent.
    pub(crate) bend: Option<f64>,
    /// Distance the weights went, from layer statistics.
    pub(crate) travel: Option<f64>,
    /// The log begins in the middle of a run, whose level without learning it does not show.
    pub(crate) resumed: bool,
}

/// Most values of a curve of pace; more are averaged.
const MOST: usize = 2000;
/// Rates that usually work: 1e-3 for Adam and RMSprop (Kingma and Ba 2015), 0.1 for SGD after momentum.
const USUAL_ADAM: f64 = 1e-3;
const USUAL_SGD: f64 = 0.1;

impl Facts {
    pub(crate) fn of(run: &Run) -> Self {
        let params = &run.params;
        let sampled = run.train_loss.as_ref().is_some_and(|c| c.sampled);
        let v = run.val_loss.as_ref().map_or_else(Vec::new, |c| c.y.clone());
        let losses = || run.log.series.iter().filter(|s| s.role.quantity == Quantity::Loss);
        let y = run.train_loss.as_ref().map_or_else(Vec::new, |curve| epochs_of(run, curve));
        let (pace, pace_of) = pace(&y, sampled, &v);
        let tree = run.is_boosting();
        let rates = if tree { Vec::new() } else { rates(run) };
        let configured =
            params.number(&["learning_rate", "lr", "eta", "base_lr", "initial_lr", "init_lr", "max_lr", "learning_rate_init"]);
        let highest = (!rates.is_empty()).then(|| largest(&rates));
        let rate = configured.or(highest);
        let optimizer = optimizer(run);
        let momentum = params.number(&["momentum"]).unwrap_or(0.0).clamp(0.0, 0.99);
        let relative = rate.filter(|_| !tree).and_then(|rate| {
            Some(match optimizer? {
                Optimizer::Adam | Optimizer::Rms => rate / USUAL_ADAM,
                Optimizer::Sgd => rate / (1.0 - momentum) / USUAL_SGD,
            })
        });
        let batch = params.number(&["batch_size", "per_device_train_batch_size", "train_batch_size", "micro_batch_size"]);
        let times = |names: &[&str]| params.number(names).unwrap_or(1.0).max(1.0);
        let update_rows = batch.map(|rows| {
            rows * times(&["accumulate_grad_batches", "gradient_accumulation_steps"])
                * times(&["devices", "num_devices", "world_size", "n_gpu"])
        });
        // Blocks of steps are no epochs.
        let train =
            run.train_loss.as_ref().map_or(0, |c| if y.len() == c.len() || y.len() == MOST { c.logged() } else { y.len() });
        let logged_epochs = train.max(run.val_loss.as_ref().map_or(0, Curve::logged));
        let init = params
            .lower(&["weight_init", "init", "kernel_initializer", "initialization"])
            .unwrap_or_else(|| "default".to_owned());
        let usual_init = ["default", "he", "kaiming", "xavier", "glorot", "lecun", "orthogonal", "trunc", "normal_002"];
        let tau = spent(run, &pace, &rates);
        let bend = bend(&pace, &tau);
        Self {
            nan: losses().any(|s| s.history.not_finite() > 0),
            game: is_game(run),
            prior: run.prior_loss(),
            start: run.start_level(),
            peak_rate: [configured, highest].into_iter().flatten().reduce(f64::max),
            transformer: is_transformer(run),
            finetune: run.pretrained(),
            epochs: params.number(&["max_epochs", "num_train_epochs", "epochs", "num_epochs"]),
            steps: steps(run, logged_epochs, update_rows),
            clip: params
                .number(&[
                    "gradient_clip_val",
                    "max_grad_norm",
                    "clip_grad_norm",
                    "grad_clip",
                    "clipnorm",
                    "clip",
                    "clip_norm",
                    "gradient_clip",
                    "global_clipnorm",
                ])
                .filter(|clip| *clip > 0.0),
            norms: longest(run, Quantity::GradientNorm).map_or_else(Vec::new, |s| s.points().iter().map(|p| p.value).collect()),
            odd_init: !usual_init.iter().any(|name| init.contains(name)),
            resumed: is_resumed(run),
            y,
            sampled,
            v,
            pace,
            pace_of,
            bend,
            travel: run.layers.as_ref().and_then(|layers| layers.travel(logged_epochs)),
            optimizer,
            tree,
            rates,
            rate,
            relative,
            batch,
            update_rows,
            logged_epochs,
        }
    }

    /// A bound that clips the gradient norm rarely: the 90th percentile of the logged ones in calm weather (none above
    /// ten times their median), rounded to two digits; nothing of fewer than twenty. The percentile
    /// is that of `knowledge/gradient_clipping_values.md`; what is calm and how many are enough, our choice.
    pub(crate) fn rare_clip(&self) -> Option<f64> {
        let norms = finite(&self.norms);
        let usual = median(&norms);
        let mut calm: Vec<f64> = norms.into_iter().filter(|norm| *norm <= 10.0 * usual).collect();
        calm.sort_by(f64::total_cmp);
        let bound = *calm.get(calm.len() * 9 / 10).filter(|bound| calm.len() >= 20 && **bound > 0.0)?;
        let digit = 10_f64.powf(bound.log10().floor() - 1.0);
        Some((bound / digit).round() * digit)
    }

    /// How to clip: at a computed bound where norms were logged.
    pub(crate) fn clip_step(&self, when: &str) -> String {
        match self.rare_clip() {
            Some(bound) => format!(
                "clip the gradient norm at {} {when}: nine tenths of the logged norms lie below",
                deepfix_model::fmt_number(bound)
            ),
            None => format!("clip the gradient norm at 1 {when}, and log the norm to find a better bound"),
        }
    }

    /// Mean of the pace's last tenth.
    pub(crate) fn end(&self) -> Option<f64> {
        (!self.pace.is_empty()).then(|| mean(tail(&self.pace, 10)))
    }

    /// Where the pace ends, over the loss of guessing (its own start when that is not known).
    pub(crate) fn level(&self) -> Option<f64> {
        let end = self.end().filter(|_| smallest(&self.pace) >= 0.0)?;
        Some(end / self.prior.unwrap_or(self.pace[0]).max(1e-300))
    }

    /// How far Adam can move a weight over the run, in units of a typical weight, 1 over the root of
    /// the width.
    pub(crate) fn way(&self, run: &Run) -> Option<f64> {
        if !matches!(self.optimizer, Some(Optimizer::Adam | Optimizer::Rms)) {
            return None;
        }
        let rate = if self.rates.len() >= 4 { mean(&self.rates) } else { self.rate? };
        let width = run.params.number(&["hidden_size", "width", "hidden_dim", "d_model", "n_embd", "units"]).unwrap_or(32.0);
        Some(rate * self.steps? * width.max(1.0).sqrt())
    }

    /// A loss that rises in nearly every epoch from the first on climbs by intent: its sign is wrong.
    /// Steps that are too long throw it about.
    pub(crate) fn climbs_steadily(&self) -> bool {
        let y = finite(&self.y);
        let rises = y.windows(2).filter(|w| w[1] > w[0]).count() as f64;
        y.len() >= 8 && y.len() == self.y.len() && rises > 0.9 * (y.len() - 1) as f64 && y[0] < 2.0 * self.start.unwrap_or(y[0])
    }
}

/// One value per epoch; where no epoch is logged and single steps abound, thirty block means.
fn epochs_of(run: &Run, curve: &Curve) -> Vec<f64> {
    let Some(series) = run.log.series.iter().find(|s| s.key == curve.key) else { return curve.y.clone() };
    let gaps: Vec<f64> = series.points().windows(2).filter_map(|w| Some(w[1].step()? - w[0].step()?)).collect();
    let steps_only = series.points().iter().all(|p| p.epoch().is_none()) && !series.role.per_epoch;
    if curve.len() > 60 && steps_only && (median(&gaps) >= 1.0 || gaps.is_empty()) {
        return blocks(&curve.y, 30);
    }
    if curve.len() > MOST { blocks(&curve.y, MOST) } else { curve.y.clone() }
}

fn pace(y: &[f64], sampled: bool, v: &[f64]) -> (Vec<f64>, Pace) {
    if !y.is_empty() && !sampled {
        (finite(y), Pace::Train)
    } else if v.len() >= 6 {
        let v = finite(v);
        (if v.len() > MOST { blocks(&v, MOST) } else { v }, Pace::Validation)
    } else {
        (finite(&smooth(y, (y.len() / 5).max(3))), Pace::Smoothed)
    }
}

fn longest(run: &Run, quantity: Quantity) -> Option<&Series> {
    run.log.series.iter().filter(|s| s.role.quantity == quantity).max_by_key(|s| s.seen())
}

/// Logged learning rates: of several groups of parameters, the one with the highest.
fn rates(run: &Run) -> Vec<f64> {
    let all = run.log.series.iter().filter(|s| s.role.quantity == Quantity::LearningRate).map(values);
    all.filter(|rates| !rates.is_empty())
        .max_by(|a, b| largest(a).total_cmp(&largest(b)).then(a.len().cmp(&b.len())))
        .unwrap_or_default()
}

fn values(series: &Series) -> Vec<f64> {
    series.points().iter().map(|p| p.value).filter(|v| v.is_finite()).collect()
}

fn optimizer(run: &Run) -> Option<Optimizer> {
    let named = run.params.lower(&["optimizer", "optim", "optimizer_name", "opt"]);
    // Lightning names the column of rates after the optimizer.
    let name = named.or_else(|| Some(longest(run, Quantity::LearningRate)?.key.to_lowercase()))?;
    let any = |list: &[&str]| list.iter().any(|word| name.contains(word));
    if any(&["adam", "lamb", "lion", "adafactor"]) {
        Some(Optimizer::Adam)
    } else if any(&["rms", "adagrad", "adadelta"]) {
        Some(Optimizer::Rms)
    } else if any(&["sgd", "momentum"]) {
        Some(Optimizer::Sgd)
    } else {
        None
    }
}

fn is_game(run: &Run) -> bool {
    let words: Vec<Vec<String>> =
        run.log.series.iter().map(|s| snake(&s.key).split('_').filter(|w| !w.is_empty()).map(str::to_owned).collect()).collect();
    let any = |list: &[&str]| words.iter().any(|name| name.iter().any(|word| list.contains(&word.as_str())));
    let adversarial = any(&["d", "disc", "discriminator", "critic"]) && any(&["g", "gen", "generator", "actor", "adv"]);
    adversarial || any(&["reward", "rewards", "episode", "return", "returns", "rollout", "rew"])
}

fn is_transformer(run: &Run) -> bool {
    let names = ["type", "arch", "architecture", "model_name", "model_name_or_path", "model_type", "_name_or_path"];
    let text: String = names.iter().filter_map(|name| run.params.lower(&[name])).collect::<Vec<_>>().join(" ");
    let known = ["transformer", "bert", "gpt", "llama", "t5", "vit", "mistral", "qwen", "llm", "swin"];
    known.iter().any(|word| text.contains(word))
        || run
            .params
            .given(&["model_name_or_path", "num_attention_heads", "n_head", "num_heads", "lora_r", "peft_type"])
            .is_some()
}

fn steps(run: &Run, epochs: usize, update_rows: Option<f64>) -> Option<f64> {
    let last = run.log.series.iter().flat_map(|s| s.points()).filter_map(|p| p.step()).reduce(f64::max);
    let rows = run.params.number(&["num_train", "n_train", "train_size"]);
    let from_rows = rows.zip(update_rows).map(|(rows, update)| (rows / update).ceil() * epochs as f64);
    match last {
        // A step that merely counts epochs is no optimizer step (MLflow).
        Some(last) if last + 1.0 > 1.5 * epochs as f64 => Some(last + 1.0),
        _ => from_rows,
    }
}

/// Learning rate spent until each value of the pace, from 0 to 1: from the logged rates, else from the
/// schedule's name, else even.
fn spent(run: &Run, pace: &[f64], rates: &[f64]) -> Vec<f64> {
    let n = pace.len();
    if n < 2 {
        return vec![0.0; n];
    }
    let at = |i: usize| i as f64 / (n - 1) as f64;
    let schedule = run.params.lower(&["lr_scheduler", "scheduler", "lr_scheduler_type", "schedule"]).unwrap_or_default();
    let gamma = run.params.number(&["gamma", "decay_rate"]);
    let any = |words: &[&str]| words.iter().any(|word| schedule.contains(word));
    let weight: Vec<f64> = if rates.len() >= 4 {
        let places: Vec<f64> = (0..rates.len()).map(|i| i as f64 / (rates.len() - 1) as f64).collect();
        (0..n).map(|i| interpolate(at(i), &places, rates)).collect()
    } else if let Some(gamma) = gamma.filter(|g| schedule.contains("exp") && *g > 0.5 && *g < 1.0 && g.powf(n as f64) > 1e-3) {
        (0..n).map(|i| gamma.powf(i as f64)).collect()
    } else if any(&["cos", "linear", "poly", "onecycle", "one_cycle"])
        && !any(&["restart", "cyclic"])
        && schedule != "linear_warmup"
    {
        (0..n).map(|i| 0.02 + 0.98 * (1.0 - at(i))).collect()
    } else {
        vec![1.0; n]
    };
    let mut tau = vec![0.0];
    for pair in weight.windows(2) {
        tau.push(tau[tau.len() - 1] + f64::midpoint(pair[0].max(0.0), pair[1].max(0.0)) + 1e-300);
    }
    let whole = tau[n - 1];
    tau.into_iter().map(|t| t / whole).collect()
}

/// Whether a loss is that of guessing evenly among the classes, ln k; of an unknown number, up to ten.
pub(crate) fn is_guessing(loss: f64, classes: Option<f64>) -> bool {
    let near = |k: f64| (loss - k.ln()).abs() < 0.01;
    match classes {
        Some(k) => near(k),
        None => (2..=10).any(|k| near(f64::from(k))),
    }
}

fn bend(pace: &[f64], tau: &[f64]) -> Option<f64> {
    let n = pace.len();
    if n < 6 || tau.len() != n {
        return None;
    }
    let half = if n < 24 { 1 } else { n / 12 };
    let mut q = smooth(pace, 2 * half + 1);
    q[0] = pace[0];
    q[n - 1] = mean(&pace[n - 1 - half..]);
    let middle = interpolate(0.5, tau, &q);
    let (first, second) = (q[0] - middle, middle - q[n - 1]);
    let end = mean(&tau[n - 1 - half..]);
    if end <= 0.55 {
        return None;
    }
    Some(if first > 0.0 {
        (second / (end - 0.5)) / (first / 0.5)
    } else if second > 0.0 {
        f64::INFINITY
    } else {
        0.0
    })
}

fn is_resumed(run: &Run) -> bool {
    let steps = run.dense_points().iter().filter_map(|p| p.step());
    let (first, last) = steps.fold((f64::INFINITY, 0.0_f64), |(first, last), s| (first.min(s), last.max(s)));
    run.prior_loss().is_none() && first.is_finite() && first > 0.05 * last && first > 100.0
}
