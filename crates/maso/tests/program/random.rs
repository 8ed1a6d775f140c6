//! Ten thousand frames that nobody meant, from one seed.

use proptest::{
    prelude::Rng as _,
    test_runner::{RngAlgorithm, TestRng},
};
use reqwest::header::HeaderMap;
use serde_json::json;

use crate::{
    client::text,
    decisions::{Scene, scene},
    deployment::Wanted,
};

/// How much more memory a run may leave behind: what allocators keep, and nothing that grows with each frame.
const GROWTH_BYTES_MAX: u64 = 64 << 20;
const N_FRAMES: usize = 10_000;

#[tokio::test]
async fn random_frames_do_no_harm() {
    let stage = scene(&Wanted::default()).await;
    let Scene { client, deployment, up, operator } = &stage;
    let mut rng = TestRng::from_seed(RngAlgorithm::ChaCha, b"ten thousand frames, one seed...");
    let warm = 1_000;
    let mut before = 0;
    for index in 0..N_FRAMES {
        if index == warm {
            before = up.resident_bytes();
        }
        let response = client.post_bytes(frame(&mut rng), &HeaderMap::new()).await;
        let status = response.status();
        assert!(!status.is_server_error(), "frame {index}: {status}");
        response.bytes().await.unwrap();
    }
    let after = up.resident_bytes();
    assert!(after < before + GROWTH_BYTES_MAX, "memory grew from {before} to {after} bytes");
    assert!(deployment.effects().is_empty(), "a random frame had an effect");
    // The session may have been ended by one of them; a new one works as ever.
    let token = operator.token("writer", None).await;
    let client = crate::client::Client::open(up.address, &token).await;
    assert_eq!(text(&client.call("read_note", json!({ "note": "x" })).await), "an empty note");
    deployment.verify().await;
}

/// A frame that is nearly right, cut, doubled, mixed or pure noise.
fn frame(rng: &mut TestRng) -> Vec<u8> {
    let methods =
        ["tools/call", "tools/list", "ping", "resources/read", "notifications/cancelled", "initialized", "x/y"];
    let tools = ["read_note", "secret_tool", "absent", ""];
    let pick = |rng: &mut TestRng, n: usize| usize::try_from(rng.next_u32()).unwrap() % n;
    let good = json!({
        "jsonrpc": "2.0",
        "id": rng.next_u32(),
        "method": methods[pick(rng, methods.len())],
        "params": {
            "name": tools[pick(rng, tools.len())],
            "arguments": { "note": format!("{:x}", rng.next_u64()), "n": rng.next_u64() },
            "_meta": { "progressToken": rng.next_u32() },
        },
    });
    let mut bytes = good.to_string().into_bytes();
    match pick(rng, 6) {
        0 => {
            let end = pick(rng, bytes.len());
            bytes.truncate(end);
        }
        1 => {
            for _ in 0..=pick(rng, 8) {
                let at = pick(rng, bytes.len());
                bytes[at] = u8::try_from(pick(rng, 256)).unwrap();
            }
        }
        2 => {
            let (from, to) = (pick(rng, bytes.len()), pick(rng, bytes.len()));
            let piece = bytes[from.min(to)..from.max(to)].to_vec();
            let at = pick(rng, bytes.len());
            bytes.splice(at..at, piece);
        }
        3 => {
            bytes = vec![0; pick(rng, 2_000)];
            rng.fill_bytes(&mut bytes);
        }
        4 => {
            let at = pick(rng, bytes.len());
            bytes.splice(at..at, b"\"\xed\xa0\x80\\u0000{[".iter().copied());
        }
        _ => {}
    }
    bytes
}
