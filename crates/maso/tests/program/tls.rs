//! The door over TLS: whoever shows an X.509-SVID that counts is that agent at every door, for as long as it counts, and whoever
//! shows another does not get in.

mod federation;
mod forged;

use std::os::unix::fs::MetadataExt as _;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures::StreamExt as _;
use reqwest::header::HeaderMap;
use serde_json::json;
use spiffe::{WorkloadApiClient, X509Svid};

use crate::{
    client::{Client, REVISION, answer, stateless_headers, text},
    deployment::{Deployment, Up, Wanted},
};

/// A deployment with a door over TLS, whose agent `writer` is a process of this user.
fn deployment(client_certificates: &'static str) -> Deployment {
    let tls = match client_certificates {
        "required" => REQUIRED,
        _ => OPTIONAL,
    };
    let deployment = Deployment::new(&Wanted { edits: vec![("maso.toml", "[identity]", tls)], ..Wanted::default() });
    let uid = std::fs::metadata("/proc/self").unwrap().uid();
    let agent = deployment.path().join("agents/writer.toml");
    let text = std::fs::read_to_string(&agent).unwrap();
    std::fs::write(agent, format!("{text}\n[process]\nuid = {uid}\n")).unwrap();
    deployment
}

const REQUIRED: &str = "[workload_api]\nsocket = \"api.sock\"\n\n[listen.tls]\naddress = \"127.0.0.1:0\"\n\
    names = [\"localhost\"]\nclient_certificates = \"required\"\n\n[identity]";
const OPTIONAL: &str = "[workload_api]\nsocket = \"api.sock\"\n\n[listen.tls]\naddress = \"127.0.0.1:0\"\n\
    names = [\"localhost\"]\nclient_certificates = \"optional\"\n\n[identity]";

async fn workload(deployment: &Deployment) -> WorkloadApiClient {
    let socket = deployment.path().join("api.sock");
    WorkloadApiClient::connect_to(format!("unix://{}", socket.display())).await.unwrap()
}

/// What an agent shows, and whom it takes for maso.
fn http(root: &[u8], shown: Option<String>) -> reqwest::Client {
    let root = reqwest::Certificate::from_der(root).unwrap();
    let mut http = reqwest::Client::builder().tls_certs_only([root]).https_only(true);
    if let Some(pem) = shown {
        http = http.identity(reqwest::Identity::from_pem(pem.as_bytes()).unwrap());
    }
    http.build().unwrap()
}

fn identity(svid: &X509Svid) -> String {
    let chain = svid.cert_chain().iter().map(|certificate| pem("CERTIFICATE", certificate.as_bytes()));
    let chain: String = chain.collect();
    pem("PRIVATE KEY", svid.private_key().as_bytes()) + &chain
}

fn pem(what: &str, der: &[u8]) -> String {
    format!("-----BEGIN {what}-----\n{}\n-----END {what}-----\n", STANDARD.encode(der))
}

/// The certificate of the deployment's own authority.
fn root(deployment: &Deployment) -> Vec<u8> {
    let text = std::fs::read_to_string(deployment.path().join(".maso/svid-authority-1.pem")).unwrap();
    let (_, body) = text.split_once("-----BEGIN CERTIFICATE-----").unwrap();
    let body: String = body.split("-----END").next().unwrap().split_whitespace().collect();
    STANDARD.decode(body).unwrap()
}

/// A client of `/mcp/notes` over TLS.
fn client(up: &Up, http: reqwest::Client, token: Option<&str>) -> Client {
    let mut client = Client::new(up.address, token);
    client.http = http;
    client.url = format!("{}/mcp/notes", up.secure.as_deref().unwrap());
    client
}

/// How a read is answered.
async fn read(client: &Client) -> reqwest::Response {
    let frame = client.stateless_frame("read_note", json!({ "note": "x" }));
    client.post(&frame, &stateless_headers("read_note")).await
}

/// Whether there is no connection at all.
async fn is_kept_out(client: &Client) -> bool {
    let frame = client.stateless_frame("read_note", json!({ "note": "x" })).to_string();
    client.try_post(frame.into_bytes(), &stateless_headers("read_note")).await.is_err()
}

#[tokio::test]
async fn an_agent_is_itself_by_its_certificate_alone_until_that_is_revoked() {
    let deployment = deployment("required");
    let up = deployment.up().await;
    let svid = workload(&deployment).await.fetch_x509_svid().await.unwrap();
    let root = root(&deployment);
    let agent = client(&up, http(&root, Some(identity(&svid))), None);
    assert_eq!(text(&answer(read(&agent).await).await), "an empty note");
    // On connections of their own: that of the first stays open, and idle.
    let mut session = client(&up, http(&root, Some(identity(&svid))), None);
    session.session = open(&session).await;
    let hops = deployment.bodies("hop-decided").await;
    assert!(hops.iter().any(|hop| hop["from"] == "agent:writer" && hop["decision"] == "allow"), "{hops:?}");

    // At the other doors too: it is known there, and not as a stranger.
    let base = up.secure.clone().unwrap();
    let heard = session.http.get(format!("{base}/v1/messages")).header("accept", "text/event-stream").send().await;
    assert_eq!(heard.unwrap().status(), 200);
    let asked = json!({ "jsonrpc": "2.0", "id": 1, "method": "GetTask", "params": { "id": "none" } });
    let request = session.http.post(format!("{base}/a2a/reader")).header("a2a-version", "1.0").json(&asked);
    let told = request.send().await.unwrap();
    assert_ne!(told.status(), 401, "{}", told.text().await.unwrap());

    // One connection is open, a stream listens; both end with what they rest on.
    let stream = session
        .http
        .get(&session.url)
        .header("accept", "text/event-stream")
        .header("mcp-session-id", session.session.as_deref().unwrap())
        .header("mcp-protocol-version", REVISION)
        .send()
        .await
        .unwrap();
    assert_eq!(stream.status(), 200);
    let order = json!({ "what": "token", "subject": serial(&deployment).await, "reason": "drill" });
    up.operator().await.post("/api/v1/revocations", &order).await;
    assert_eq!(read(&agent).await.status(), 401);
    let mut rest = stream.bytes_stream();
    while let Some(chunk) = rest.next().await {
        drop(chunk);
    }
    // And nobody gets in by it again, while another of the same agent does.
    assert!(is_kept_out(&client(&up, http(&root, Some(identity(&svid))), None)).await);
    let next = workload(&deployment).await.fetch_x509_svid().await.unwrap();
    let agent = client(&up, http(&root, Some(identity(&next))), None);
    assert_eq!(text(&answer(read(&agent).await).await), "an empty note");
    let hops = deployment.bodies("hop-decided").await;
    assert!(hops.iter().any(|hop| hop["decision"] == "deny" && hop.to_string().contains("IA-2.1")), "{hops:?}");
    up.stop().await;
    deployment.verify().await;
}

/// The serial number of the first SVID that was issued.
async fn serial(deployment: &Deployment) -> String {
    deployment.bodies("svid-issued").await[0]["id"].as_str().unwrap().to_owned()
}

async fn open(client: &Client) -> Option<String> {
    let params = json!({
        "protocolVersion": REVISION,
        "capabilities": {},
        "clientInfo": { "name": "test", "version": "1" },
    });
    let response = client.post(&client.frame("initialize", &params), &HeaderMap::new()).await;
    response.headers().get("mcp-session-id").map(|session| session.to_str().unwrap().to_owned())
}

#[tokio::test]
async fn an_agent_renews_its_certificate_and_no_call_is_lost() {
    let deployment = deployment("required");
    let up = deployment.up().await;
    let (api, root) = (workload(&deployment).await, root(&deployment));
    let svid = api.fetch_x509_svid().await.unwrap();
    let before = client(&up, http(&root, Some(identity(&svid))), None);
    for _ in 0..3 {
        // The former goes on while the next is there: two connections, two certificates, one agent.
        let svid = api.fetch_x509_svid().await.unwrap();
        let next = client(&up, http(&root, Some(identity(&svid))), None);
        let (one, other) = tokio::join!(read(&before), read(&next));
        assert_eq!(text(&answer(one).await), "an empty note");
        assert_eq!(text(&answer(other).await), "an empty note");
    }
    up.stop().await;
    deployment.verify().await;
}

#[tokio::test]
async fn a_token_beside_a_certificate_must_be_the_same_agents() {
    let deployment = deployment("optional");
    let up = deployment.up().await;
    let (svid, root) = (workload(&deployment).await.fetch_x509_svid().await.unwrap(), root(&deployment));
    let operator = up.operator().await;
    let (own, others) = (operator.token("writer", None).await, operator.token("reader", None).await);
    let shown = http(&root, Some(identity(&svid)));
    assert_eq!(read(&client(&up, shown.clone(), Some(&own))).await.status(), 200);
    assert_eq!(read(&client(&up, shown.clone(), Some(&others))).await.status(), 401);
    assert_eq!(read(&client(&up, shown, Some("no token"))).await.status(), 401);
    // Each of them alone counts.
    assert_eq!(read(&client(&up, http(&root, None), Some(&others))).await.status(), 200);
    assert_eq!(read(&client(&up, http(&root, None), None)).await.status(), 401);
    up.stop().await;
    deployment.verify().await;
}

#[tokio::test]
async fn others_verify_by_the_bundle_what_is_issued_here() {
    let deployment = deployment("optional");
    let up = deployment.up().await;
    let svid = workload(&deployment).await.fetch_x509_svid().await.unwrap();
    let url = format!("{}/v1/identity/bundle", up.secure.as_deref().unwrap());
    let fetched = http(&root(&deployment), None).get(url).send().await.unwrap();
    assert_eq!(fetched.headers()["content-type"], "application/json");
    let bundle: serde_json::Value = fetched.json().await.unwrap();
    assert_eq!((&bundle["spiffe_sequence"], &bundle["spiffe_refresh_hint"]), (&1.into(), &3600.into()));
    let keys = bundle["keys"].as_array().unwrap();
    let of = |what: &str| keys.iter().find(|key| key["use"] == what).unwrap();
    let certificate = STANDARD.decode(of("x509-svid")["x5c"][0].as_str().unwrap()).unwrap();
    assert_eq!(certificate, root(&deployment));
    assert_eq!(of("jwt-svid")["alg"], "ES256");
    // By it a stranger takes maso for what it is: the connection itself shows that.
    let agent = client(&up, http(&certificate, Some(identity(&svid))), None);
    assert_eq!(read(&agent).await.status(), 200);
    // A public client reads the same document.
    let domain = spiffe::TrustDomain::new("notes.example").unwrap();
    let tokens = json!({ "keys": [of("jwt-svid")] }).to_string();
    spiffe::JwtBundle::from_jwt_authorities(domain, tokens.as_bytes()).unwrap();
    up.stop().await;
}

#[tokio::test]
async fn the_operators_own_certificate_is_shown_and_a_key_that_others_may_read_is_not_used() {
    use std::os::unix::fs::PermissionsExt as _;
    let deployment = deployment("optional");
    deployment.edit((
        "maso.toml",
        "names = [\"localhost\"]",
        "names = [\"localhost\"]\ncertificate = \"a.pem\"\nkey = \"a.key\"",
    ));
    let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = deployment.path().join("a.key");
    std::fs::write(deployment.path().join("a.pem"), own.cert.pem()).unwrap();
    std::fs::write(&key, own.signing_key.serialize_pem()).unwrap();
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    let refused = deployment.run(&["up", "--listen", "127.0.0.1:0"]).await;
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.contains("may be read by others"), "{said}");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    let up = deployment.up().await;
    let token = up.operator().await.token("writer", None).await;
    assert_eq!(read(&client(&up, http(own.cert.der(), None), Some(&token))).await.status(), 200);
    assert!(is_kept_out(&client(&up, http(&root(&deployment), None), Some(&token))).await, "another is shown");
    up.stop().await;
}
