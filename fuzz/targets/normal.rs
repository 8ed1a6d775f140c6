#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| maso_fuzz::normal(bytes));
