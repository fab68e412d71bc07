//! Parses numbers and base64 as JSON may write them.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::cursor::Cursor;
use crate::schema::FieldKind;

/// Maximum number of digits of a whole number; a longer one is out of every range.
const DIGITS_MAX: usize = 30;

/// Accepts padded and unpadded text.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Parses a whole number in any form: `7`, `7.0`, `0.7e1`.
pub(super) fn integer(number: &str) -> Option<i128> {
    let (negative, number) = match number.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, number),
    };
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let fraction = fraction.trim_end_matches('0');
    let digits = [whole, fraction].concat();
    let digits = digits.trim_start_matches('0');
    let significant = digits.trim_end_matches('0');
    if significant.is_empty() {
        return Some(0);
    }
    let exponent = exponent.parse::<i64>().ok()?;
    let after = i64::try_from(digits.len() - significant.len()).ok()?;
    let zeros = exponent.checked_sub(i64::try_from(fraction.len()).ok()?)?.checked_add(after)?;
    let zeros =
        usize::try_from(zeros).ok().filter(|zeros| significant.len() + zeros <= DIGITS_MAX)?;
    let value = format!("{significant}{}", "0".repeat(zeros)).parse::<i128>().ok()?;
    Some(if negative { -value } else { value })
}

/// The JSON number that a string holds, if it holds nothing else.
pub(super) fn number_in(text: &str) -> Option<&str> {
    let mut cursor = Cursor::new(text);
    cursor.number().ok().filter(|number| number.len() == text.len())
}

/// Parses a finite number.
pub(super) fn double(number: &str) -> Option<f64> {
    number.parse::<f64>().ok().filter(|number| number.is_finite())
}

/// Parses a double that is written as a string.
pub(super) fn double_in(text: &str) -> Option<f64> {
    match text {
        "NaN" => Some(f64::NAN),
        "Infinity" => Some(f64::INFINITY),
        "-Infinity" => Some(f64::NEG_INFINITY),
        _ => double(number_in(text)?),
    }
}

/// The bits of a whole number of this kind; `None` if it is out of range.
#[expect(clippy::cast_sign_loss, reason = "the bits are wanted")]
pub(super) fn bits(kind: FieldKind, value: i128) -> Option<u64> {
    match kind {
        FieldKind::Int32 | FieldKind::Enum(_) => {
            i32::try_from(value).ok().map(|value| i64::from(value) as u64)
        }
        FieldKind::Sint32 => {
            let value = i32::try_from(value).ok()?;
            Some(u64::from((value << 1 ^ value >> 31) as u32))
        }
        FieldKind::Int64 | FieldKind::Sfixed64 => {
            i64::try_from(value).ok().map(|value| value as u64)
        }
        FieldKind::Uint32 | FieldKind::Fixed32 => u32::try_from(value).ok().map(u64::from),
        _ => u64::try_from(value).ok(),
    }
}

/// Decodes base64, standard or URL-safe.
pub(super) fn base64(text: &str) -> Option<Vec<u8>> {
    let standard: String = text
        .chars()
        .map(|letter| match letter {
            '-' => '+',
            '_' => '/',
            letter => letter,
        })
        .collect();
    BASE64.decode(standard).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_may_have_a_point_and_an_exponent() {
        for (written, value) in [
            ("0", 0),
            ("-0", 0),
            ("0.000e9", 0),
            ("7.0", 7),
            ("1e3", 1_000),
            ("1.5e1", 15),
            ("1500e-2", 15),
            ("-10.0", -10),
            ("18446744073709551615", u64::MAX.into()),
            ("1844674407370955161.5e1", u64::MAX.into()),
        ] {
            assert_eq!(integer(written), Some(value), "{written}");
        }
        for written in ["1.5", "1e-1", "15e-2", "1e31", "1e999999999999999999999", "0.1"] {
            assert_eq!(integer(written), None, "{written}");
        }
    }
}
