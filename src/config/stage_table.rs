//! A stage's table as written: the settings that stand with the stage, and the key that every stage has.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error, IntoDeserializer, MapAccess, Visitor, value::MapAccessDeserializer},
};
use toml::Spanned;

use super::value::Name;

/// The key by which a stage chooses its processor.
const PROCESSOR: &str = "processor";

/// The table of one stage. Not `flatten`: toml loses the place of a mistake there.
#[derive(Debug)]
pub(super) struct StageTable<T> {
    /// The processor that the stage looks on.
    pub(super) processor: Option<Spanned<Name>>,
    /// All other keys.
    pub(super) settings: T,
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for StageTable<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TableVisitor<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for TableVisitor<T> {
            type Value = StageTable<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<StageTable<T>, A::Error> {
                let mut processor = None;
                let others = OtherKeys { map, processor: &mut processor };
                let settings = T::deserialize(MapAccessDeserializer::new(others))?;
                Ok(StageTable { processor, settings })
            }
        }
        deserializer.deserialize_map(TableVisitor(PhantomData))
    }
}

/// The table without the key [`PROCESSOR`], whose value is put aside.
struct OtherKeys<'p, A> {
    map: A,
    processor: &'p mut Option<Spanned<Name>>,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for OtherKeys<'_, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, mut seed: K) -> Result<Option<K::Value>, A::Error> {
        loop {
            match self.map.next_key_seed(KeySeed(seed))? {
                None => return Ok(None),
                Some(Key::Other(key)) => return Ok(Some(key)),
                Some(Key::Processor(unused)) => {
                    *self.processor = Some(self.map.next_value()?);
                    seed = unused;
                }
            }
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.map.next_value_seed(seed)
    }
}

/// A key: this one, with the seed that it did not need, or another, read by that.
enum Key<K, V> {
    Processor(K),
    Other(V),
}

struct KeySeed<K>(K);

impl<'de, K: DeserializeSeed<'de>> DeserializeSeed<'de> for KeySeed<K> {
    type Value = Key<K, K::Value>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl<'de, K: DeserializeSeed<'de>> Visitor<'de> for KeySeed<K> {
    type Value = Key<K, K::Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<Self::Value, E> {
        if key == PROCESSOR {
            return Ok(Key::Processor(self.0));
        }
        let other = self.0.deserialize(key.into_deserializer());
        // An unknown key: the error lists those of the stage.
        other.map(Key::Other).map_err(|error: E| E::custom(format!("{}, `{PROCESSOR}`", error.to_string().trim_end())))
    }
}
