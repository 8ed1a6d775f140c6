//! What sealing promises.

use proptest::prelude::*;

use crate::{LocalKey, NotSealed, SealingKey, WrapFault, WrappingKey, draw};

#[test]
fn what_was_sealed_opens_with_its_key_and_its_context_alone() {
    let key = SealingKey::new(&[7; 32]);
    let sealed = key.seal(b"here", b"secret words");
    assert_eq!(sealed.len(), 12 + SealingKey::OVERHEAD);
    assert_eq!(key.open(b"here", &sealed).unwrap(), b"secret words");
    assert_eq!(key.open(b"there", &sealed), Err(NotSealed));
    assert_eq!(SealingKey::new(&[8; 32]).open(b"here", &sealed), Err(NotSealed));
    assert_eq!(key.open(b"", &key.seal(b"", b"")).unwrap(), b"");
}

#[test]
fn the_same_words_are_never_sealed_to_the_same_bytes() {
    let key = SealingKey::new(&draw());
    assert_ne!(key.seal(b"here", b"words"), key.seal(b"here", b"words"));
    assert_ne!(draw::<16>(), draw::<16>());
}

#[test]
fn a_key_is_unwrapped_by_what_wrapped_it_in_its_place_alone() {
    let (wrapping, key) = (LocalKey::new(&[1; 32]), draw::<32>());
    let wrapped = wrapping.wrap(b"task one", &key).unwrap();
    assert_eq!(*wrapping.unwrap(b"task one", &wrapped).unwrap(), key);
    assert_eq!(wrapping.unwrap(b"task two", &wrapped).unwrap_err(), WrapFault::Foreign);
    assert_eq!(LocalKey::new(&[2; 32]).unwrap(b"task one", &wrapped).unwrap_err(), WrapFault::Foreign);
    // A key has 32 bytes, whoever sealed it.
    let short = SealingKey::new(&[1; 32]).seal(b"task one", b"short");
    assert_eq!(wrapping.unwrap(b"task one", &short).unwrap_err(), WrapFault::Foreign);
}

#[test]
fn debugging_shows_no_key() {
    assert_eq!(format!("{:?} {:?}", SealingKey::new(&[7; 32]), LocalKey::new(&[7; 32])), "SealingKey(..) LocalKey(..)");
}

proptest! {
    #[test]
    fn no_bit_can_be_another(content in prop::collection::vec(any::<u8>(), 0..64), index: prop::sample::Index, bit in 0..8_u8) {
        let key = SealingKey::new(&[7; 32]);
        let mut sealed = key.seal(b"here", &content);
        let index = index.index(sealed.len());
        sealed[index] ^= 1 << bit;
        prop_assert_eq!(key.open(b"here", &sealed), Err(NotSealed));
    }

    #[test]
    fn arbitrary_bytes_open_nowhere(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
        prop_assert_eq!(SealingKey::new(&[7; 32]).open(b"here", &bytes), Err(NotSealed));
    }
}
