//! The few kinds of CBOR that a policy's hash needs, encoded deterministically (RFC 8949 section 4.2.1).

use minicbor::Encoder;

pub(super) enum Cbor {
    Uint(u64),
    Bytes(Vec<u8>),
    Text(String),
    Array(Vec<Cbor>),
    Map(Vec<(String, Cbor)>),
}

impl Cbor {
    pub(super) fn text(word: impl ToString) -> Self {
        Self::Text(word.to_string())
    }

    pub(super) fn texts<T: ToString>(words: impl IntoIterator<Item = T>) -> Self {
        Self::Array(words.into_iter().map(Self::text).collect())
    }

    pub(super) fn map(entries: Vec<(&str, Self)>) -> Self {
        Self::Map(entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
    }

    pub(super) fn encode(self) -> Vec<u8> {
        let mut encoder = Encoder::new(Vec::new());
        self.write(&mut encoder).expect("a Vec takes every byte");
        encoder.into_writer()
    }

    fn write(
        self,
        to: &mut Encoder<Vec<u8>>,
    ) -> Result<(), minicbor::encode::Error<std::convert::Infallible>> {
        match self {
            Self::Uint(number) => to.u64(number).map(drop),
            Self::Bytes(bytes) => to.bytes(&bytes).map(drop),
            Self::Text(text) => to.str(&text).map(drop),
            Self::Array(items) => {
                to.array(items.len() as u64)?;
                items.into_iter().try_for_each(|item| item.write(to))
            }
            Self::Map(mut entries) => {
                // The encoding begins with the length, so a shorter text key comes first.
                entries.sort_by(|(a, _), (b, _)| (a.len(), a).cmp(&(b.len(), b)));
                to.map(entries.len() as u64)?;
                for (key, value) in entries {
                    to.str(&key)?;
                    value.write(to)?;
                }
                Ok(())
            }
        }
    }
}
