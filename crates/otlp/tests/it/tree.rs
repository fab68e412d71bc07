//! Random messages of the field table, and their possible encodings.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap,
    clippy::float_cmp,
    reason = "bits are cut and compared as protobuf does"
)]

use otlp::wire::{Value, put, put_varint};
use otlp::{Cardinality, Field, FieldKind, Message};
use serde_json::json;

/// A small random number generator with a seed.
pub(crate) struct Random(u64);

/// A message with the values of its fields.
#[derive(Debug, Clone)]
pub(crate) struct Tree {
    pub(crate) message: &'static Message,
    pub(crate) fields: Vec<(&'static Field, Vec<Leaf>)>,
}

/// One value.
#[derive(Debug, Clone)]
pub(crate) enum Leaf {
    /// The bits on the wire.
    Number(u64),
    Bytes(Vec<u8>),
    Tree(Tree),
}

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }

    fn one_in(&mut self, chances: usize) -> bool {
        self.below(chances) == 0
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}

/// A random message.
pub(crate) fn tree(message: &'static Message, random: &mut Random, depth: usize) -> Tree {
    let mut fields = Vec::new();
    let choices: Vec<_> =
        message.fields.iter().filter(|field| field.cardinality == Cardinality::Oneof).collect();
    let chosen = (!choices.is_empty() && !random.one_in(6)).then(|| random.pick(&choices).number);
    for field in message.fields {
        // Lists of values within lists must end.
        if depth > 6 && matches!(field.kind, FieldKind::Message(_)) {
            continue;
        }
        let count = match field.cardinality {
            Cardinality::Oneof => usize::from(chosen == Some(field.number)),
            Cardinality::Repeated => random.pick(&[0, 0, 1, 1, 2]),
            Cardinality::Singular | Cardinality::Optional => usize::from(!random.one_in(4)),
        };
        let leaves: Vec<_> = (0..count).map(|_| leaf(field, random, depth)).collect();
        if count > 0 {
            fields.push((field, leaves));
        }
    }
    Tree { message, fields }
}

fn leaf(field: &Field, random: &mut Random, depth: usize) -> Leaf {
    let small = random.next() % 4;
    let number = random.next();
    Leaf::Number(match field.kind {
        FieldKind::Message(inner) => return Leaf::Tree(tree(inner, random, depth + 1)),
        FieldKind::Text => {
            let letters = ["", "a", "é", "\u{1F600}", "\"", "\\", "\u{1}", "/", "\u{2028}", "x y"];
            let text: String = (0..random.below(6)).map(|_| random.pick(&letters)).collect();
            return Leaf::Bytes(text.into_bytes());
        }
        FieldKind::Bytes => {
            return Leaf::Bytes(
                (0..random.below(9)).map(|_| random.next().to_le_bytes()[0]).collect(),
            );
        }
        FieldKind::Id => {
            let length = random.pick(&[0, 8, 16]);
            return Leaf::Bytes((0..length).map(|_| random.next().to_le_bytes()[0]).collect());
        }
        FieldKind::Bool => small & 1,
        FieldKind::Enum(names) => small % names.values.len() as u64,
        FieldKind::Double => {
            let special = [0.0, -0.0, 1.5, f64::MAX, f64::NAN, f64::INFINITY, f64::NEG_INFINITY];
            random.pick(&special).to_bits()
        }
        FieldKind::Int32 => i64::from(number as i32) as u64,
        FieldKind::Uint32 | FieldKind::Sint32 | FieldKind::Fixed32 => number & 0xffff_ffff,
        FieldKind::Int64 | FieldKind::Uint64 | FieldKind::Fixed64 | FieldKind::Sfixed64
            if small == 0 =>
        {
            small
        }
        FieldKind::Int64 | FieldKind::Uint64 | FieldKind::Fixed64 | FieldKind::Sfixed64 => number,
    })
}

impl Tree {
    /// The usual protobuf encoding: fields in order, numbers of a list packed.
    pub(crate) fn plain(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for (field, leaves) in &self.fields {
            if field.cardinality == Cardinality::Repeated && field.kind.is_number() {
                put(&mut out, field.number, Value::Bytes(&packed(field.kind, leaves)));
                continue;
            }
            for leaf in leaves {
                put_leaf(&mut out, field, leaf, &|tree| tree.plain());
            }
        }
        out
    }

    /// An unusual but valid protobuf encoding: shuffled fields, unknown fields and groups, overridden values, split
    /// messages, lists of numbers partly packed.
    pub(crate) fn odd(&self, random: &mut Random) -> Vec<u8> {
        let mut pieces: Vec<Vec<Vec<u8>>> = Vec::new();
        for (field, leaves) in &self.fields {
            pieces.push(odd_field(field, leaves, random));
        }
        let mut out = Vec::new();
        loop {
            if random.one_in(3) {
                out.extend(unknown(random));
            }
            pieces.retain(|pieces| !pieces.is_empty());
            if pieces.is_empty() {
                return out;
            }
            let from = random.below(pieces.len());
            out.extend(pieces[from].remove(0));
        }
    }

    /// A random valid JSON form.
    pub(crate) fn json(&self, random: &mut Random) -> String {
        let mut members = Vec::new();
        for field in self.message.fields {
            let key = if random.one_in(2) {
                field.name.to_owned()
            } else {
                field.json_name().collect::<String>()
            };
            let found = self.fields.iter().find(|(known, _)| known.number == field.number);
            let Some((_, leaves)) = found else {
                if random.one_in(6) {
                    members.push(format!("{}:null", json!(key)));
                }
                continue;
            };
            let values: Vec<_> = leaves.iter().map(|leaf| json_leaf(field, leaf, random)).collect();
            let value = if field.cardinality == Cardinality::Repeated {
                format!("[{}]", values.join(" ,\n"))
            } else {
                values[0].clone()
            };
            members.push(format!("{}\t: {value}", json!(key)));
        }
        if random.one_in(3) {
            members.push(r#""notKnown":[{"a":[1e400,"\ud800",null]},{}]"#.to_owned());
        }
        for place in (1..members.len()).rev() {
            members.swap(place, random.below(place + 1));
        }
        format!("{{{}}}", members.join(","))
    }
}

fn odd_field(field: &Field, leaves: &[Leaf], random: &mut Random) -> Vec<Vec<u8>> {
    let mut pieces = Vec::new();
    let mut piece = |out: Vec<u8>| pieces.push(out);
    if field.cardinality == Cardinality::Repeated && field.kind.is_number() {
        let (first, second) = leaves.split_at(random.below(leaves.len() + 1));
        for leaf in first {
            let mut out = Vec::new();
            put_leaf(&mut out, field, leaf, &|tree| tree.plain());
            piece(out);
        }
        let mut out = Vec::new();
        put(&mut out, field.number, Value::Bytes(&packed(field.kind, second)));
        piece(out);
        return pieces;
    }
    for leaf in leaves {
        match leaf {
            // A nested message may be split into several, each with some of its fields.
            Leaf::Tree(tree) if field.cardinality != Cardinality::Repeated && random.one_in(2) => {
                let (first, second) = tree.fields.split_at(random.below(tree.fields.len() + 1));
                for fields in [first, second] {
                    let part = Tree { message: tree.message, fields: fields.to_vec() };
                    let mut out = Vec::new();
                    put(&mut out, field.number, Value::Bytes(&part.odd(random)));
                    piece(out);
                }
            }
            Leaf::Tree(tree) => {
                let mut out = Vec::new();
                put(&mut out, field.number, Value::Bytes(&tree.odd(random)));
                piece(out);
            }
            leaf => {
                let mut out = Vec::new();
                if field.cardinality != Cardinality::Repeated && random.one_in(3) {
                    let other = self::leaf(field, random, 99);
                    put_leaf(&mut out, field, &other, &|tree| tree.plain());
                }
                put_leaf(&mut out, field, leaf, &|tree| tree.plain());
                piece(out);
            }
        }
    }
    pieces
}

/// An unknown field: of any type, in a group, or a known number with another type.
fn unknown(random: &mut Random) -> Vec<u8> {
    let mut out = Vec::new();
    let number = 100 + u32::try_from(random.below(1_000)).unwrap();
    match random.below(5) {
        0 => put(&mut out, number, Value::Varint(random.next())),
        1 => put(&mut out, number, Value::Fixed64(random.next())),
        2 => put(&mut out, number, Value::Fixed32(7)),
        3 => put(&mut out, number, Value::Bytes(b"\xff\x00 unknown")),
        _ => {
            put_varint(&mut out, u64::from(number) << 3 | 3);
            put(&mut out, 1, Value::Bytes(b"in a group"));
            put_varint(&mut out, u64::from(number) << 3 | 4);
        }
    }
    out
}

fn put_leaf(out: &mut Vec<u8>, field: &Field, leaf: &Leaf, nested: &dyn Fn(&Tree) -> Vec<u8>) {
    match leaf {
        Leaf::Bytes(bytes) => put(out, field.number, Value::Bytes(bytes)),
        Leaf::Tree(tree) => put(out, field.number, Value::Bytes(&nested(tree))),
        Leaf::Number(bits) => put(
            out,
            field.number,
            match field.kind {
                FieldKind::Fixed64 | FieldKind::Sfixed64 | FieldKind::Double => {
                    Value::Fixed64(*bits)
                }
                FieldKind::Fixed32 => Value::Fixed32(u32::try_from(*bits).unwrap()),
                _ => Value::Varint(*bits),
            },
        ),
    }
}

fn packed(kind: FieldKind, leaves: &[Leaf]) -> Vec<u8> {
    let mut out = Vec::new();
    for leaf in leaves {
        let Leaf::Number(bits) = leaf else { panic!("numbers are packed") };
        match kind {
            FieldKind::Uint64 => put_varint(&mut out, *bits),
            _ => out.extend(bits.to_le_bytes()),
        }
    }
    out
}

fn json_leaf(field: &Field, leaf: &Leaf, random: &mut Random) -> String {
    let bits = match leaf {
        Leaf::Tree(tree) => return tree.json(random),
        Leaf::Bytes(bytes) => return json_bytes(field.kind, bytes, random),
        Leaf::Number(bits) => *bits,
    };
    let whole = match field.kind {
        FieldKind::Bool => return (bits != 0).to_string(),
        FieldKind::Double => return json_double(f64::from_bits(bits), random),
        FieldKind::Enum(names) if random.one_in(2) => {
            let name = names.values[usize::try_from(bits).unwrap()];
            return format!("\"{}{name}\"", names.prefix);
        }
        FieldKind::Int64 | FieldKind::Sfixed64 | FieldKind::Int32 => (bits as i64).to_string(),
        FieldKind::Sint32 => {
            let bits = bits as u32;
            ((bits >> 1) as i32 ^ -((bits & 1) as i32)).to_string()
        }
        _ => bits.to_string(),
    };
    let spelt = match random.below(if whole == "0" { 2 } else { 4 }) {
        0 => format!("{whole}.0"),
        1 => format!("{whole}.00e0"),
        2 => format!("{whole}0E-1"),
        _ => whole,
    };
    if random.one_in(2) { format!("\"{spelt}\"") } else { spelt }
}

fn json_double(number: f64, random: &mut Random) -> String {
    if number.is_nan() {
        return "\"NaN\"".to_owned();
    }
    if number.is_infinite() {
        return format!("\"{}Infinity\"", if number > 0.0 { "" } else { "-" });
    }
    let spelt = if number == 1.5 { "15e-1".to_owned() } else { format!("{number:?}") };
    if random.one_in(2) { format!("\"{spelt}\"") } else { spelt }
}

fn json_bytes(kind: FieldKind, bytes: &[u8], random: &mut Random) -> String {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
    match kind {
        FieldKind::Id if random.one_in(2) => json!(hex::encode_upper(bytes)).to_string(),
        FieldKind::Id => json!(hex::encode(bytes)).to_string(),
        FieldKind::Text => json!(std::str::from_utf8(bytes).unwrap()).to_string(),
        _ => json!(match random.below(4) {
            0 => STANDARD.encode(bytes),
            1 => STANDARD_NO_PAD.encode(bytes),
            2 => URL_SAFE.encode(bytes),
            _ => URL_SAFE_NO_PAD.encode(bytes),
        })
        .to_string(),
    }
}
