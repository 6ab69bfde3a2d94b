//! Entry numbers and hashes of one project, entry after entry (accounting.md, section 10, invariant 4).

/// What is wrong with an entry's place in its chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It has not the number after that of the entry before it.
    Number {
        /// The number that it should have.
        expected: u64,
    },
    /// It does not carry the hash of the entry before it.
    Hash,
}

/// The end of a chain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chain {
    last: u64,
    hash: [u8; 32],
}

impl Chain {
    /// A chain that begins with an entry, whatever came before it: its number, and the hash of its value.
    #[must_use]
    pub fn from(entry_number: u64, value_hash: [u8; 32]) -> Self {
        Self { last: entry_number, hash: value_hash }
    }

    /// Takes the next entry, with the hash that it carries and that of its value; what is wrong with it. It is the end from now on in any case, so
    /// that one fault is told once.
    pub fn take(&mut self, entry_number: u64, previous_hash: &str, value_hash: [u8; 32]) -> Vec<Fault> {
        let before = std::mem::replace(self, Self::from(entry_number, value_hash));
        let expected = before.last + 1;
        let number = (entry_number != expected).then_some(Fault::Number { expected });
        let hash = (previous_hash != hex(&before.hash)).then_some(Fault::Hash);
        number.into_iter().chain(hash).collect()
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
