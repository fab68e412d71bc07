//! Every protobuf encoding of a message decodes to the same message, as with `prost`.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use otlp::{Export, Flaw, Message, canonical, descriptor};
use proptest::prelude::*;

use crate::tree::{Random, tree};

/// Whether `prost` decodes both to the same message.
fn prost_agrees(message: &Message, first: &[u8], second: &[u8]) -> bool {
    fn agree<T: prost::Message + Default>(first: &[u8], second: &[u8]) -> bool {
        // Encoded, because NaN is not equal to itself.
        T::decode(first).unwrap().encode_to_vec() == T::decode(second).unwrap().encode_to_vec()
    }
    match message.name {
        "ExportTraceServiceRequest" => agree::<ExportTraceServiceRequest>(first, second),
        "ExportLogsServiceRequest" => agree::<ExportLogsServiceRequest>(first, second),
        _ => agree::<ExportMetricsServiceRequest>(first, second),
    }
}

const EXPORTS: [&Message; 3] =
    [&descriptor::EXPORT_TRACES, &descriptor::EXPORT_LOGS, &descriptor::EXPORT_METRICS];

/// Field 1,000, a number, which no message has.
const UNKNOWN: [u8; 3] = [0xc0, 0x3e, 1];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]
    #[test]
    fn every_encoding_decodes_to_the_same_message(seed in any::<u64>()) {
        for message in EXPORTS {
            let mut random = Random::new(seed);
            let tree = tree(message, &mut random, 0);
            let plain = tree.plain();
            let odd = tree.odd(&mut random);
            let canon = canonical(message, &plain).unwrap();
            prop_assert_eq!(&canon, &canonical(message, &odd).unwrap(), "{:#?}", tree);
            prop_assert_eq!(&canon, &canonical(message, &canon).unwrap());
            prop_assert!(canon.len() <= plain.len());
            prop_assert!(prost_agrees(message, &plain, &canon));
        }
    }

    #[test]
    fn prost_can_read_every_accepted_message(seed in any::<u64>(), at in any::<prop::sample::Index>(), bytes in prop::collection::vec(any::<u8>(), 0..4)) {
        for message in EXPORTS {
            let mut wire = tree(message, &mut Random::new(seed), 0).plain();
            if wire.is_empty() {
                continue;
            }
            let from = at.index(wire.len());
            let to = (from + bytes.len()).min(wire.len());
            wire.splice(from..to, bytes.iter().copied());
            // An unknown field in front forces a rewrite.
            let rewritten = canonical(message, &[&UNKNOWN[..], &wire].concat());
            prop_assert_eq!(canonical(message, &wire), rewritten);
            if let Ok(canon) = canonical(message, &wire) {
                prop_assert!(prost_agrees(message, &canon, &canon));
                prop_assert_eq!(&canon, &canonical(message, &[&UNKNOWN[..], &canon].concat()).unwrap());
            }
        }
    }
}

#[test]
fn an_envelope_may_have_its_fields_in_any_order() {
    let export = |fields: &[&[u8]]| fields.concat();
    let field = |number: u8, bytes: &[u8]| {
        [&[number << 3 | 2, u8::try_from(bytes.len()).unwrap()], bytes].concat()
    };
    let span = field(5, b"name");
    let scope = export(&[
        &field(2, &span),
        &field(3, b"old"),
        &field(1, &field(1, b"a")),
        &field(2, &span),
    ]);
    let scope = export(&[&scope, &field(1, &field(2, b"b")), &field(3, b"new")]);
    let sender = export(&[&field(2, &scope), &field(1, &field(1, &field(1, b"key")))]);
    let body = field(1, &sender);
    let resource = Export::open(&body).unwrap().resources().next().unwrap();
    assert!(resource.resource().unwrap().is_some());
    let scope = resource.scopes().next().unwrap();
    assert_eq!(scope.scope().unwrap().unwrap(), export(&[&field(1, b"a"), &field(2, b"b")]));
    assert_eq!(scope.schema_url(), Ok("new"));
    assert_eq!(scope.items().collect::<Vec<_>>(), [&span[..], &span[..]]);
    for broken in [&body[..body.len() - 1], &[0x0b], &field(1, &field(2, &[0x12, 9]))[..]] {
        assert_eq!(Export::open(broken).unwrap_err(), Flaw::Wire);
    }
}

#[test]
fn every_nan_becomes_the_same_nan_alone_and_in_a_list() {
    let payload = f64::from_bits(0xfffb_0000_0000_0001);
    let spelt = |nan: f64| {
        let number = [&[0x21][..], &nan.to_le_bytes()].concat();
        // explicit_bounds of a histogram point: three packed doubles, one of them a number.
        let bounds =
            [&[0x3a, 24][..], &nan.to_le_bytes(), &1.5_f64.to_le_bytes(), &nan.to_le_bytes()];
        let point = canonical(&descriptor::HISTOGRAM_POINT, &bounds.concat()).unwrap();
        (canonical(&descriptor::ANY_VALUE, &number).unwrap(), point)
    };
    assert_eq!(spelt(payload), spelt(f64::NAN));
}

#[test]
fn an_entry_of_another_wire_type_is_an_unknown_field() {
    // Field 1 of an export is a list of messages, field 6 of a histogram's point one of numbers.
    let (varint, fixed32) = ([0x08, 0x00], [0x35, 1, 0, 0, 0]);
    for message in EXPORTS {
        assert_eq!(canonical(message, &varint).unwrap(), b"", "{}", message.name);
    }
    assert_eq!(canonical(&descriptor::HISTOGRAM_POINT, &fixed32).unwrap(), b"");
}
