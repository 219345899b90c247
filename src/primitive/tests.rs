//! What all primitives share.

use super::*;

#[test]
fn registry_and_catalogue_list_the_same_in_alphabetical_order() {
    let registry: Vec<_> = PRIMITIVES.iter().map(|one| one.declaration().name).collect();
    let catalogue: Vec<_> = CATALOGUE.names().collect();
    assert_eq!(registry, catalogue);
    assert!(registry.is_sorted());
}

#[test]
fn a_streams_acknowledgement_is_told_from_an_answer() {
    let read = |text: &str| decoded(text.as_bytes());
    assert!(is_publish_ack(&read(r#"{"stream":"CMD","seq":7}"#)));
    assert!(!is_publish_ack(&read(r#"{"hash":"abc","seq":7,"stream":"x"}"#)));
    assert!(!is_publish_ack(&read("plain")));
}

#[test]
fn a_rate_counts_from_when_the_subscription_went_live() {
    let at = std::time::Duration::from_secs;
    let mut counted = nats_watch::Counted::since(at(100));
    for _ in 0..5 {
        counted.add(&crate::world::Message::default());
    }
    assert_eq!(counted.values(at(120)).2, Value::Float(0.25));
}

#[test]
fn a_question_that_says_nothing_is_not_asked() {
    let blank = Value::map([("reviewed", Value::text("the policy")), ("images", Value::text(" "))]);
    for items in [Value::map::<&str>([]), blank] {
        let refused = Arguments::check(&confirm::DECLARATION, &Value::map([("items", items)])).unwrap_err();
        assert!(refused.message.contains("nobody can answer that"), "{}", refused.message);
    }
}

#[test]
fn an_effect_accepts_nothing_empty() {
    let given = Value::map([("gate", Value::text("execution")), ("reason", Value::text(""))]);
    let refused = Arguments::check(&arm::DECLARATION, &given).unwrap_err();
    assert_eq!(refused.class, ErrorClass::Refused);
    assert!(refused.message.contains("`reason` is empty"), "{}", refused.message);
}
