//! Values on disk: JSON, with what JSON cannot say in a tagged map.
//!
//! A duration is `{"$duration": [seconds, nanoseconds]}`, a float that is no number is
//! `{"$float": "nan"}`, and a map with a key that begins with `$` is wrapped in `{"$map": ...}`,
//! so that every value reads back as exactly what it was.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::value::{Map, Value};

const DURATION: &str = "$duration";
const FLOAT: &str = "$float";
const MAP: &str = "$map";

/// A value as it is stored.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct StoredValue(pub(super) Value);

impl Serialize for StoredValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Borrowed(&self.0).serialize(serializer)
    }
}

/// The same without owning it.
pub(super) struct Borrowed<'a>(pub(super) &'a Value);

impl Serialize for Borrowed<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Duration(duration) => tagged(serializer, DURATION, &(duration.as_secs(), duration.subsec_nanos())),
            Value::Float(float) if float.is_nan() => tagged(serializer, FLOAT, "nan"),
            Value::Float(float) if float.is_infinite() && *float > 0.0 => tagged(serializer, FLOAT, "inf"),
            Value::Float(float) if float.is_infinite() => tagged(serializer, FLOAT, "-inf"),
            Value::List(items) => serializer.collect_seq(items.iter().map(Borrowed)),
            Value::Map(map) if map.keys().any(|key| key.starts_with('$')) => tagged(serializer, MAP, &Plain(map)),
            Value::Map(map) => Plain(map).serialize(serializer),
            other => other.serialize(serializer),
        }
    }
}

/// A map, key by key.
struct Plain<'a>(&'a Map);

impl Serialize for Plain<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (&**key, Borrowed(value))))
    }
}

fn tagged<S: Serializer, T: Serialize + ?Sized>(serializer: S, tag: &str, inner: &T) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(1))?;
    map.serialize_entry(tag, inner)?;
    map.end()
}

impl<'de> Deserialize<'de> for StoredValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

/// A shared text, read without a copy between.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Shared(pub(super) Arc<str>);

impl<'de> Deserialize<'de> for Shared {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(SharedReader)
    }
}

struct SharedReader;

impl Visitor<'_> for SharedReader {
    type Value = Shared;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Shared, E> {
        Ok(Shared(Arc::from(text)))
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = StoredValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a stored value")
    }

    fn visit_unit<E: Error>(self) -> Result<StoredValue, E> {
        Ok(StoredValue(Value::Null))
    }

    fn visit_bool<E: Error>(self, truth: bool) -> Result<StoredValue, E> {
        Ok(StoredValue(Value::Bool(truth)))
    }

    fn visit_i64<E: Error>(self, int: i64) -> Result<StoredValue, E> {
        Ok(StoredValue(Value::Int(int)))
    }

    fn visit_u64<E: Error>(self, int: u64) -> Result<StoredValue, E> {
        i64::try_from(int).map(|int| StoredValue(Value::Int(int))).map_err(|_| E::custom("an int is too large"))
    }

    fn visit_f64<E: Error>(self, float: f64) -> Result<StoredValue, E> {
        Ok(StoredValue(Value::Float(float)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<StoredValue, E> {
        Ok(StoredValue(Value::text(text)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<StoredValue, A::Error> {
        let mut list = Vec::new();
        while let Some(StoredValue(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(StoredValue(Value::list(list)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<StoredValue, A::Error> {
        let mut map = Vec::new();
        while let Some(Shared(key)) = entries.next_key()? {
            match &*key {
                DURATION => {
                    let (seconds, nanoseconds) = entries.next_value::<(u64, u32)>()?;
                    return Ok(StoredValue(Value::Duration(Duration::new(seconds, nanoseconds))));
                }
                FLOAT => return special(&entries.next_value::<String>()?),
                MAP => {
                    let Wrapped(inner) = entries.next_value()?;
                    return Ok(StoredValue(Value::Map(Arc::new(inner))));
                }
                _ => {
                    let StoredValue(value) = entries.next_value()?;
                    map.push((key, value));
                }
            }
        }
        Ok(StoredValue(Value::map(map)))
    }
}

fn special<E: Error>(word: &str) -> Result<StoredValue, E> {
    let float = match word {
        "nan" => f64::NAN,
        "inf" => f64::INFINITY,
        "-inf" => f64::NEG_INFINITY,
        other => return Err(E::custom(format!("`{other}` is no float"))),
    };
    Ok(StoredValue(Value::Float(float)))
}

/// A map in which no key is a tag.
struct Wrapped(Map);

impl<'de> Deserialize<'de> for Wrapped {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let map = std::collections::BTreeMap::<Shared, StoredValue>::deserialize(deserializer)?;
        Ok(Self(map.into_iter().map(|(Shared(key), StoredValue(value))| (key, value)).collect()))
    }
}
