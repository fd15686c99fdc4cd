//! What lies within a pickle without being one of its values: pickles in bytes, and the arrays that joblib
//! writes between opcodes.

use std::ops::Range;

use super::{Arrays, Id, Machine, Node, adopt, scan};

/// Pickles within pickles that are looked into.
const MAX_NESTED: usize = 8;

impl Machine<'_> {
    /// Bytes that are a pickle themselves: somebody may load them.
    pub(super) fn nested(&mut self, within: Range<usize>) {
        let bytes = &self.bytes[within.clone()];
        let pickled = bytes.len() > 2 && bytes[0] == 0x80 && matches!(bytes[1], 0..=5);
        if !pickled || !self.inspects || self.within.depth >= MAX_NESTED || self.looked.contains_key(&within) {
            return;
        }
        let found = scan(bytes, self.within.deeper());
        self.looked.insert(within.clone(), found.broken.is_none());
        adopt(&mut self.globals, found.globals.into_iter().filter(|g| found.broken.is_none() || g.is_name()), within.start);
        self.reaches.extend(found.reaches);
    }

    /// Whether bytes that PyTorch loads could be read here: as pickles or as its archive. Their names are kept.
    pub(super) fn loaded(&mut self, bytes: &[u8]) -> bool {
        if self.within.depth >= MAX_NESTED {
            return false;
        }
        if bytes.starts_with(b"PK") {
            return match crate::checkpoint::archive::names_within(bytes, self.within.deeper()) {
                Some(globals) => {
                    adopt(&mut self.globals, globals, 0);
                    true
                }
                None => false,
            };
        }
        let found = scan(bytes, self.within.deeper());
        adopt(&mut self.globals, found.globals, 0);
        self.reaches.extend(found.reaches);
        found.broken.is_none()
    }

    /// BUILD gives an object its state. An array's wrapper has the array behind it; an old one names its
    /// file. Only the form that joblib itself writes is followed.
    pub(super) fn built(&mut self, object: Id, state: Id) -> Result<(), String> {
        let Some((index, class)) = self.class_of(object) else { return Ok(()) };
        match class.as_str() {
            "NumpyArrayWrapper" if self.arrays == Arrays::Skipped => {
                let plain = matches!(self.nodes[state as usize], Node::Dict(_)) && self.is_written_by_joblib(state);
                if !plain {
                    self.globals[index].unread = true;
                }
                self.skip_array(state)
            }
            "NDArrayWrapper" | "ZNDArrayWrapper" => {
                match self.entry(state, "filename").map(|id| self.nodes[id as usize].clone()) {
                    Some(Node::Text(file)) if file.contains(['/', '\\']) => {
                        self.reaches.push(format!("array in the file {file}"))
                    }
                    Some(Node::Text(_)) => {}
                    _ => self.globals[index].unread = true,
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn is_written_by_joblib(&self, state: Id) -> bool {
        let shape = self.entry(state, "shape").is_some_and(|id| match &self.nodes[id as usize] {
            Node::Items(items) => items.iter().all(|id| matches!(self.nodes[*id as usize], Node::Int(n) if n >= 0)),
            _ => false,
        });
        let dtype = self.entry(state, "dtype").is_some_and(|id| match &self.nodes[id as usize] {
            Node::Call(callee, arguments) => {
                let numpy = self.global_of(*callee).is_some_and(|i| self.globals[i].module.starts_with("numpy"));
                let text = match &self.nodes[*arguments as usize] {
                    Node::Items(items) => items.first().is_none_or(|id| matches!(self.nodes[*id as usize], Node::Text(_))),
                    _ => false,
                };
                numpy && text
            }
            _ => false,
        });
        shape && dtype
    }

    /// The joblib class that an object is made of, by a call or by `copyreg._reconstructor`: its place among
    /// the names, and its name.
    fn class_of(&self, object: Id) -> Option<(usize, String)> {
        let Node::Call(callee, arguments) = &self.nodes[object as usize] else { return None };
        let first = match &self.nodes[*arguments as usize] {
            Node::Items(items) => items.first().copied(),
            _ => None,
        };
        let maker = self.global_of(*callee)?;
        let index = if self.globals[maker].name == "_reconstructor" { self.global_of(first?)? } else { maker };
        (self.globals[index].module == "joblib.numpy_pickle").then(|| (index, self.globals[index].name.clone()))
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
        // A record of objects is written as a pickle too; what is aligned begins with its padding.
        let objects = descr.starts_with('V') && self.bytes.get(self.at) == Some(&0x80);
        let Some(size) = element_size(&descr).filter(|_| !objects) else {
            // An array of objects is a pickle of its own, and one of an unknown type may be.
            let from = self.at;
            let mut inner = Machine::new(&self.bytes[from..], self.within.deeper(), self.arrays);
            if self.within.depth >= MAX_NESTED {
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
