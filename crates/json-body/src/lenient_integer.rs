//! Whole numbers in request bodies: JSON has one number type, so `3.0` and `3e0` are accepted as `3`.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{Error, Unexpected, Visitor},
};

/// Above this, not every whole number is an exact `f64`.
const EXACT_MAX: f64 = 9_007_199_254_740_992.0;

/// Reads a whole number that `T` can hold.
pub fn read<'de, T: TryFrom<u64>, D: Deserializer<'de>>(input: D) -> Result<T, D::Error> {
    Whole::deserialize(input).map(|whole| whole.0)
}

/// The same where it may be absent or null.
pub fn read_optional<'de, T: TryFrom<u64>, D: Deserializer<'de>>(
    input: D,
) -> Result<Option<T>, D::Error> {
    Ok(Option::<Whole<T>>::deserialize(input)?.map(|whole| whole.0))
}

struct Whole<T>(T);

impl<'de, T: TryFrom<u64>> Deserialize<'de> for Whole<T> {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        // Not `deserialize_u64`: within a tagged enum it rejects floating-point numbers.
        input.deserialize_any(Reader(PhantomData)).map(Self)
    }
}

struct Reader<T>(PhantomData<T>);

impl<T: TryFrom<u64>> Visitor<'_> for Reader<T> {
    type Value = T;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "a whole number of at most {} bits", size_of::<T>() * 8)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<T, E> {
        T::try_from(value).map_err(|_| E::invalid_value(Unexpected::Unsigned(value), &self))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<T, E> {
        match u64::try_from(value) {
            Ok(value) => self.visit_u64(value),
            Err(_) => Err(E::invalid_value(Unexpected::Signed(value), &self)),
        }
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<T, E> {
        // A whole number is printed without point and exponent, so the text parses as an integer.
        let is_whole = value.fract() == 0.0 && (0.0..=EXACT_MAX).contains(&value);
        match format!("{:.0}", value.abs()).parse().ok().filter(|_| is_whole) {
            Some(value) => self.visit_u64(value),
            None => Err(E::invalid_value(Unexpected::Float(value), &self)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Body {
        #[serde(deserialize_with = "read")]
        n: u32,
        #[serde(default, deserialize_with = "read_optional")]
        maybe: Option<u64>,
    }

    fn body(text: &str) -> Result<(u32, Option<u64>), serde_json::Error> {
        serde_json::from_str::<Body>(text).map(|body| (body.n, body.maybe))
    }

    #[test]
    fn every_spelling_of_a_whole_number_is_that_number() {
        for three in ["3", "3.0", "3e0", "30e-1"] {
            assert_eq!(body(&format!(r#"{{"n":{three}}}"#)).unwrap(), (3, None));
            let both = format!(r#"{{"n":{three},"maybe":{three}}}"#);
            assert_eq!(body(&both).unwrap(), (3, Some(3)));
        }
        assert_eq!(body(r#"{"n":-0.0,"maybe":null}"#).unwrap(), (0, None));
        assert_eq!(body(r#"{"n":0,"maybe":9007199254740992.0}"#).unwrap().1, Some(1 << 53));
    }

    #[test]
    fn fractions_and_numbers_out_of_range_are_rejected() {
        for bad in ["-1", "-1.0", "1.5", "4294967296", "4294967296.0", "1e300", "\"3\"", "null"] {
            assert!(body(&format!(r#"{{"n":{bad}}}"#)).is_err(), "{bad}");
        }
        assert!(body(r#"{"n":0,"maybe":1e19}"#).is_err());
    }
}
