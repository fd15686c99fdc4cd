//! What lies within a pickle without being one of its values: pickles in bytes, and the arrays that joblib
//! writes between opcodes.

use std::ops::Range;

use super::{Arrays, Id, Machine, Node, adopt, scan_at};

/// Pickles within pickles that are looked into.
const MAX_NESTED: usize = 8;

impl Machine<'_> {
    /// Bytes that are a pickle themselves: somebody may load them.
    pub(super) fn nested(&mut self, within: Range<usize>) {
        let bytes = &self.bytes[within.clone()];
        let pickled = bytes.len() > 2 && bytes[0] == 0x80 && matches!(bytes[1], 0..=5);
        if !pickled || self.depth >= MAX_NESTED {
            return;
        }
        let found = scan_at(bytes, self.depth + 1);
        adopt(&mut self.globals, found.globals.into_iter().filter(|g| found.broken.is_none() || g.is_name()), within.start);
        self.reaches.extend(found.reaches);
    }

    /// Whether bytes that PyTorch loads could be read here: as pickles or as its archive. Their names are kept.
    pub(super) fn loaded(&mut self, bytes: &[u8]) -> bool {
        if self.depth >= MAX_NESTED {
            return false;
        }
        if bytes.starts_with(b"PK") {
            return match crate::checkpoint::archive::names_within(bytes) {
                Some(globals) => {
                    adopt(&mut self.globals, globals, 0);
                    true
                }
                None => false,
            };
        }
        let found = scan_at(bytes, self.depth + 1);
        adopt(&mut self.globals, found.globals, 0);
        self.reaches.extend(found.reaches);
        found.broken.is_none()
    }

    /// BUILD gives an object its state. An array's wrapper has the array behind it; an old one names its file.
    pub(super) fn built(&mut self, object: Id, state: Id) -> Result<(), String> {
        let Some(class) = self.class_of(object) else { return Ok(()) };
        // The state of an object with slots comes second.
        let state = match &self.nodes[state as usize] {
            Node::Items(items) => items.last().copied().unwrap_or(state),
            _ => state,
        };
        match class.as_str() {
            "NumpyArrayWrapper" if self.arrays == Arrays::Skipped => self.skip_array(state),
            "NDArrayWrapper" | "ZNDArrayWrapper" => {
                if let Some(Node::Text(file)) = self.entry(state, "filename").map(|id| &self.nodes[id as usize])
                    && file.contains(['/', '\\'])
                {
                    let reach = format!("array in the file {file}");
                    self.reaches.push(reach);
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Name of the joblib class that an object is made of, by a call or by `copyreg._reconstructor`.
    fn class_of(&self, object: Id) -> Option<String> {
        let Node::Call(callee, arguments) = &self.nodes[object as usize] else { return None };
        let global = |id: Id| match self.nodes[id as usize] {
            Node::Global(index) => self.globals.get(index as usize),
            _ => None,
        };
        let first = match &self.nodes[*arguments as usize] {
            Node::Items(items) => items.first().copied(),
            _ => None,
        };
        let class = match global(*callee)? {
            maker if maker.name == "_reconstructor" => global(first?)?,
            class => class,
        };
        (class.module == "joblib.numpy_pickle").then(|| class.name.clone())
    }

    fn entry(&self, state: Id, key: &str) -> Option<Id> {
        let Node::Dict(items) = &self.nodes[state as usize] else { return None };
        items.iter().rfind(|(k, _)| matches!(&self.nodes[*k as usize], Node::Text(text) if text == key)).map(|(_, v)| *v)
    }

    /// joblib writes an array's bytes into the pickle, behind the object that describes it.
    fn skip_array(&mut self, state: Id) -> Result<(), String> {
        let (Some(shape), Some(dtype)) = (self.entry(state, "shape"), self.entry(state, "dtype")) else { return Ok(()) };
        let aligned =
            self.entry(state, "numpy_array_alignment_bytes").is_some_and(|id| matches!(self.nodes[id as usize], Node::Int(_)));
        let descr = match &self.nodes[dtype as usize] {
            Node::Call(_, arguments) => match &self.nodes[*arguments as usize] {
                Node::Items(arguments) => arguments.first().map(|id| self.name_of(*id)).unwrap_or_default(),
                _ => String::new(),
            },
            _ => String::new(),
        };
        let mut count = 1_usize;
        if let Node::Items(dimensions) = &self.nodes[shape as usize] {
            for id in dimensions {
                let Node::Int(n) = self.nodes[*id as usize] else { return Ok(()) };
                let n = usize::try_from(n).map_err(|_| "an array of negative length")?;
                count = count.checked_mul(n).ok_or("an array larger than memory")?;
            }
        }
        let Some(size) = element_size(&descr) else {
            // An array of objects is a pickle of its own, and one of an unknown type may be.
            let from = self.at;
            let mut inner = Machine::new(&self.bytes[from..], self.depth + 1, self.arrays);
            if self.depth >= MAX_NESTED {
                return Err("arrays of objects within each other".to_owned());
            }
            let ended = inner.run();
            let (globals, length) = match ended {
                Ok(pickle) => (pickle.globals, Ok(pickle.length)),
                Err(reason) => (std::mem::take(&mut inner.globals), Err(reason)),
            };
            self.reaches.append(&mut inner.reaches);
            adopt(&mut self.globals, globals, from);
            self.take(length?)?;
            return Ok(());
        };
        if aligned {
            let padding = self.uint(1)?;
            self.take(padding)?;
        }
        self.take(count.checked_mul(size).ok_or("an array larger than memory")?)?;
        Ok(())
    }
}

/// Bytes of an element of a plain NumPy type, by code (`<f8`) or by name (`float64`).
fn element_size(descr: &str) -> Option<usize> {
    let code = descr.trim_start_matches(['<', '>', '=', '|']);
    let letters: String = code.chars().take_while(char::is_ascii_alphabetic).collect();
    let number: usize = code[letters.len()..].parse().ok()?;
    match letters.as_str() {
        "b" | "i" | "u" | "f" | "c" | "S" | "a" | "V" | "M" | "m" => Some(number),
        "U" => number.checked_mul(4),
        "int" | "uint" | "float" | "complex" => Some(number / 8),
        _ => None,
    }
}
