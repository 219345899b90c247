//! Reading an enum whose variant is named by an entry of its map: the first, as `written` puts it.
//!
//! Serde's own way of reading such a map keeps the whole map aside until it has the tag, wherever
//! that stands: half the time of reading a journal.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::value::{MapAccessDeserializer, MapDeserializer, StrDeserializer};
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;

/// The entry that names the variant.
const TAG: &str = "event";

/// Reads an enum whose derived form has its tag outside.
///
/// # Errors
/// The format's.
pub(super) fn read<'de, T: DeserializeOwned, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    deserializer.deserialize_map(Reader(PhantomData))
}

struct Reader<T>(PhantomData<T>);

impl<'de, T: DeserializeOwned> Visitor<'de> for Reader<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a map with `{TAG}`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<T, A::Error> {
        match map.next_key::<Text<'de>>()? {
            Some(Text(key)) if key == TAG => {
                let Text(variant) = map.next_value()?;
                T::deserialize(Tagged { variant, map })
            }
            Some(Text(key)) => out_of_order(key.into_owned(), map),
            None => Err(A::Error::missing_field(TAG)),
        }
    }
}

/// Reads a map of which another program has changed the order.
fn out_of_order<'de, T: DeserializeOwned, A: MapAccess<'de>>(first: String, mut map: A) -> Result<T, A::Error> {
    let mut entries = serde_json::Map::new();
    entries.insert(first, map.next_value()?);
    while let Some((key, value)) = map.next_entry()? {
        entries.insert(key, value);
    }
    let Some(serde_json::Value::String(variant)) = entries.remove(TAG) else {
        return Err(A::Error::missing_field(TAG));
    };
    let map = MapDeserializer::<_, serde_json::Error>::new(entries.into_iter());
    T::deserialize(Tagged { variant: Cow::Owned(variant), map }).map_err(A::Error::custom)
}

/// A text, borrowed where it stands as it is.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// A map after its tag.
struct Tagged<'de, A> {
    variant: Cow<'de, str>,
    map: A,
}

impl<'de, A: MapAccess<'de>> Deserializer<'de> for Tagged<'de, A> {
    type Error = A::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, A::Error> {
        visitor.visit_enum(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

impl<'de, A: MapAccess<'de>> EnumAccess<'de> for Tagged<'de, A> {
    type Error = A::Error;
    type Variant = Rest<A>;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Rest<A>), A::Error> {
        let variant = StrDeserializer::<A::Error>::new(&self.variant);
        Ok((seed.deserialize(variant)?, Rest(self.map)))
    }
}

/// What a variant holds.
struct Rest<A>(A);

impl<'de, A: MapAccess<'de>> VariantAccess<'de> for Rest<A> {
    type Error = A::Error;

    fn unit_variant(self) -> Result<(), A::Error> {
        Err(A::Error::custom("a variant without a value"))
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, A::Error> {
        seed.deserialize(MapAccessDeserializer::new(self.0))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, A::Error> {
        Err(A::Error::custom("a variant without names"))
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], visitor: V) -> Result<V::Value, A::Error> {
        visitor.visit_map(self.0)
    }
}
