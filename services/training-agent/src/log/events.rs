//! TensorBoard's event files: records of a length, its checksum, a message and its checksum. Only scalars
//! are taken, in the form of TensorFlow 1 (`simple_value`) and 2 (a tensor of one value).

use prost::Message;

use super::{Log, Point};

/// A record larger than this holds no scalar; its images and graphs are passed over unread.
const MAX_MESSAGE: usize = 1 << 20;

#[derive(Clone, PartialEq, Message)]
struct Event {
    #[prost(double, tag = "1")]
    wall_time: f64,
    #[prost(int64, tag = "2")]
    step: i64,
    #[prost(string, optional, tag = "3")]
    file_version: Option<String>,
    #[prost(message, optional, tag = "5")]
    summary: Option<Summary>,
}

#[derive(Clone, PartialEq, Message)]
struct Summary {
    #[prost(message, repeated, tag = "1")]
    value: Vec<Value>,
}

#[derive(Clone, PartialEq, Message)]
struct Value {
    #[prost(string, tag = "1")]
    tag: String,
    #[prost(float, optional, tag = "2")]
    simple_value: Option<f32>,
    #[prost(message, optional, tag = "8")]
    tensor: Option<Tensor>,
}

#[derive(Clone, PartialEq, Message)]
struct Tensor {
    /// 1 is float, 2 is double.
    #[prost(int32, tag = "1")]
    dtype: i32,
    #[prost(bytes = "vec", tag = "4")]
    content: Vec<u8>,
    #[prost(float, repeated, tag = "5")]
    floats: Vec<f32>,
    #[prost(double, repeated, tag = "6")]
    doubles: Vec<f64>,
}

impl Tensor {
    fn scalar(&self) -> Option<f64> {
        let one = |n: usize| (n == 1).then_some(());
        if let (Some(()), Some(x)) = (one(self.floats.len()), self.floats.first()) {
            return Some(f64::from(*x));
        }
        if let (Some(()), Some(x)) = (one(self.doubles.len()), self.doubles.first()) {
            return Some(*x);
        }
        match self.dtype {
            1 => self.content[..].try_into().ok().map(|b| f64::from(f32::from_le_bytes(b))),
            2 => self.content[..].try_into().ok().map(f64::from_le_bytes),
            _ => None,
        }
    }
}

/// Records one after the other; `None` at the end, or where a file that is still written ends early.
fn record<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = u64::from_le_bytes(bytes.get(..8)?.try_into().ok()?);
    let length = usize::try_from(length).ok()?;
    let message = bytes.get(12..12_usize.checked_add(length)?)?;
    *bytes = bytes.get(12 + length + 4..)?;
    Some(message)
}

/// Whether bytes begin as an event file does: its first record names the version.
pub(super) fn is_events(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    let first = record(&mut rest).filter(|message| message.len() < 4096);
    first.and_then(|m| Event::decode(m).ok()).and_then(|event| event.file_version).is_some_and(|v| v.starts_with("brain.Event"))
}

pub(super) fn read(bytes: &[u8]) -> Log {
    let mut log = Log { format: "TensorBoard events", ..Log::default() };
    let mut rest = bytes;
    while take(&mut rest, &mut |key, point| log.push(key, point)) {}
    log
}

/// The values of the next record; answers whether there is one that is whole.
pub(super) fn take(rest: &mut &[u8], push: &mut impl FnMut(&str, Point)) -> bool {
    let Some(message) = record(rest) else { return false };
    // A record that does not decode is of a kind we do not know.
    let event = if message.len() > MAX_MESSAGE { None } else { Event::decode(message).ok() };
    let Some(event) = event else { return true };
    for value in event.summary.into_iter().flat_map(|summary| summary.value) {
        let scalar = value.simple_value.map(f64::from).or_else(|| value.tensor.as_ref()?.scalar());
        if let Some(scalar) = scalar {
            push(&value.tag, Point::new(Some(event.step as f64), None, Some(event.wall_time), scalar));
        }
    }
    true
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// An event file of so many losses.
    pub(in crate::log) fn file(steps: u32) -> Vec<u8> {
        let mut out = framed(&Event { file_version: Some("brain.Event:2".to_owned()), ..Event::default() });
        for step in 0..steps {
            let value = Value { tag: "train/loss".to_owned(), simple_value: Some(1.0 / (step + 1) as f32), tensor: None };
            let summary = Some(Summary { value: vec![value] });
            out.extend(framed(&Event { step: i64::from(step), wall_time: 5.0, summary, ..Event::default() }));
        }
        out
    }

    fn framed(event: &Event) -> Vec<u8> {
        let message = event.encode_to_vec();
        let mut out = (message.len() as u64).to_le_bytes().to_vec();
        out.extend([0; 4]);
        out.extend(&message);
        out.extend([0; 4]);
        out
    }

    #[test]
    fn scalars_of_both_versions_are_read_and_a_cut_file_gives_what_it_has() {
        let version = Event { file_version: Some("brain.Event:2".to_owned()), ..Event::default() };
        let value = |tag: &str, simple_value, tensor| Value { tag: tag.to_owned(), simple_value, tensor };
        let at = |step, value| Event {
            step,
            wall_time: 5.0 + step as f64,
            summary: Some(Summary { value: vec![value] }),
            ..Event::default()
        };
        let tensor = Tensor { dtype: 1, content: 0.25_f32.to_le_bytes().to_vec(), ..Tensor::default() };
        let mut file = framed(&version);
        file.extend(framed(&at(1, value("train/loss", Some(0.5), None))));
        file.extend(framed(&at(2, value("train/loss", None, Some(tensor)))));
        file.extend(framed(&at(3, value("train/loss", Some(0.1), None))));
        assert!(is_events(&file) && !is_events(b"epoch,loss\n1,2\n"));
        let values = |bytes: &[u8]| read(bytes).series[0].points().iter().map(|p| (p.step(), p.value)).collect::<Vec<_>>();
        assert_eq!(values(&file)[..2], [(Some(1.0), 0.5), (Some(2.0), 0.25)]);
        assert_eq!(values(&file).len(), 3);
        assert_eq!(values(&file[..file.len() - 9]).len(), 2);
        let mut hostile = u64::MAX.to_le_bytes().to_vec();
        hostile.extend([1; 100]);
        assert!(!is_events(&hostile) && read(&hostile).series.is_empty());
    }
}
