#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| maso_fuzz::a2a(bytes));
