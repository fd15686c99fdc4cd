//! What lies within a pickle without being one of its values: pickles in bytes, and the arrays that joblib
//! writes between opcodes.

use super::{Global, Id, MAX_GLOBALS, Machine, Node};

/// Pickles within pickles that are looked into.
const MAX_NESTED: usize = 4;

impl Machine<'_> {
    /// Bytes that are a pickle themselves: whoever loads them (`torch.storage._load_from_bytes`) runs it.
    pub(super) fn nested(&mut self, from: usize, length: usize) {
        let bytes = &self.bytes[from..from + length];
        let pickled = bytes.len() > 2 && bytes[0] == 0x80 && matches!(bytes[1], 2..=5);
        if !pickled || self.depth >= MAX_NESTED {
            return;
        }
        let mut inner = Machine::new(bytes, self.depth + 1);
        // A nested pickle that breaks has named its imports by then.
        let ended = inner.run().map(|pickle| pickle.globals);
        let globals = ended.unwrap_or_else(|_| std::mem::take(&mut inner.globals));
        self.adopt(globals, from);
    }

    fn adopt(&mut self, globals: Vec<Global>, from: usize) {
        for global in globals {
            if let Some(known) = self.globals.iter_mut().find(|g| g.path == global.path) {
                known.called |= global.called;
            } else if self.globals.len() < MAX_GLOBALS {
                self.globals.push(Global { position: global.position + from, ..global });
            }
        }
    }

    /// joblib writes an array's bytes into the pickle, behind the object that describes it.
    pub(super) fn skip_array(&mut self, state: Id) -> Result<(), String> {
        let Node::Dict(items) = &self.nodes[state as usize] else { return Ok(()) };
        let entry = |key: &str| {
            items.iter().find(|(k, _)| matches!(&self.nodes[*k as usize], Node::Text(text) if text == key)).map(|(_, v)| *v)
        };
        let (Some(shape), Some(dtype)) = (entry("shape"), entry("dtype")) else { return Ok(()) };
        let aligned = entry("numpy_array_alignment_bytes").is_some_and(|id| matches!(self.nodes[id as usize], Node::Int(_)));
        let Node::Call(_, arguments) = &self.nodes[dtype as usize] else { return Ok(()) };
        let Node::Items(arguments) = &self.nodes[*arguments as usize] else { return Ok(()) };
        let descr = arguments.first().map(|id| self.name_of(*id)).unwrap_or_default();
        let mut count = 1_usize;
        if let Node::Items(dimensions) = &self.nodes[shape as usize] {
            for id in dimensions {
                let Node::Int(n) = self.nodes[*id as usize] else { return Ok(()) };
                let n = usize::try_from(n).map_err(|_| "an array of negative length")?;
                count = count.checked_mul(n).ok_or("an array larger than memory")?;
            }
        }
        if descr.contains('O') {
            // An array of objects is a pickle of its own.
            if self.depth >= MAX_NESTED {
                return Err("arrays of objects within each other".to_owned());
            }
            let from = self.at;
            let mut inner = Machine::new(&self.bytes[from..], self.depth + 1);
            let ended = inner.run();
            let (globals, length) = match ended {
                Ok(pickle) => (pickle.globals, pickle.length),
                Err(reason) => {
                    let globals = std::mem::take(&mut inner.globals);
                    self.adopt(globals, from);
                    return Err(reason);
                }
            };
            self.adopt(globals, from);
            self.take(length)?;
            return Ok(());
        }
        let digits: String = descr.chars().filter(char::is_ascii_digit).collect();
        let size: usize = digits.parse().map_err(|_| format!("an array of type {descr:?}, whose size is not known"))?;
        let size = if descr.contains('U') { 4 * size } else { size };
        if aligned {
            let padding = self.uint(1)?;
            self.take(padding)?;
        }
        self.take(count.checked_mul(size).ok_or("an array larger than memory")?)?;
        Ok(())
    }
}
