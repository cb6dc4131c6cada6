#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::graph::device_page(data));
