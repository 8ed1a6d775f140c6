//! Ten thousand frames that nobody meant, from one seed, at each door.

use proptest::{
    prelude::Rng as _,
    test_runner::{RngAlgorithm, TestRng},
};
use reqwest::header::HeaderMap;
use serde_json::json;

use crate::{
    client::text,
    decisions::{Scene, scene},
    deployment::{Deployment, Usage, Wanted},
    pipe::{Pipe, stateless_call},
};

const N_FRAMES: usize = 10_000;
/// After so many, everything that grows once has grown.
const N_WARM: usize = 1_000;

fn rng() -> TestRng {
    TestRng::from_seed(RngAlgorithm::ChaCha, b"ten thousand frames, one seed...")
}

#[tokio::test]
async fn random_frames_over_http_do_no_harm() {
    let stage = scene(&Wanted::default()).await;
    let Scene { client, deployment, up, operator } = &stage;
    let mut rng = rng();
    let mut warm = up.usage();
    for index in 0..N_FRAMES {
        if index == N_WARM {
            warm = up.usage();
        }
        let response = client.post_bytes(frame(&mut rng), &HeaderMap::new()).await;
        let status = response.status();
        assert!(!status.is_server_error(), "frame {index}: {status}");
        response.bytes().await.unwrap();
    }
    up.usage().has_not_grown_since(warm);
    assert!(deployment.effects().is_empty(), "a random frame had an effect");
    // The session may have been ended by one of them; a new one works as ever.
    let token = operator.token("writer", None).await;
    let client = crate::client::Client::open(up.address, &token).await;
    assert_eq!(text(&client.call("read_note", json!({ "note": "x" })).await), "an empty note");
    deployment.verify().await;
}

#[tokio::test]
async fn random_lines_over_a_pipe_do_no_harm() {
    let deployment = Deployment::new(&Wanted::default());
    let mut pipe = Pipe::open(&deployment, "writer");
    let mut rng = rng();
    let mut warm = None;
    for index in 0..N_FRAMES {
        let mut line = frame(&mut rng);
        line.retain(|byte| *byte != b'\n');
        pipe.say_bytes(line).await;
        // Now and then all that was said is heard out, so that neither side's pipe is ever full.
        if index % 100 == 99 {
            hear_out(&mut pipe).await;
        }
        if index == N_WARM {
            warm = Some(Usage::of(&pipe.child));
        }
    }
    hear_out(&mut pipe).await;
    Usage::of(&pipe.child).has_not_grown_since(warm.unwrap());
    assert!(deployment.effects().is_empty(), "a random line had an effect");
    pipe.end().await;
    deployment.verify().await;
}

/// Hears everything up to the answer to a good call.
async fn hear_out(pipe: &mut Pipe) {
    pipe.say(&stateless_call()).await;
    loop {
        let answer = pipe.hear().await;
        if answer["id"] == "first" {
            assert_eq!(text(&answer), "an empty note");
            return;
        }
    }
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
