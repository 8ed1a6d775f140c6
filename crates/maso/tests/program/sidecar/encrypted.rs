//! A broker that speaks TLS alone, and asks each who comes for a certificate.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use serde_json::json;

use super::{Behind, Beside, granting, with_passphrase};
use crate::{
    client::{Client, is_done},
    deployment::Deployment,
    nats_server::Server,
};

/// Writes `NAME.pem` and `NAME.key`, which nobody else may read.
fn vouch(by: &Issuer<'_, KeyPair>, name: &str, folder: &Path) {
    let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    let certificate = CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, by).unwrap();
    fs::write(folder.join(format!("{name}.pem")), certificate.pem()).unwrap();
    let file = folder.join(format!("{name}.key"));
    fs::write(&file, key.serialize_pem()).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
}

#[tokio::test]
async fn a_sidecar_and_maso_each_show_a_broker_that_asks_for_it_a_certificate_of_their_own() {
    let deployment = Deployment::new(&granting());
    let folder = deployment.path().to_owned();
    let root_key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    fs::write(folder.join("roots.pem"), params.self_signed(&root_key).unwrap().pem()).unwrap();
    let root = Issuer::new(params, root_key);
    for name in ["127.0.0.1", "maso", "reader"] {
        vouch(&root, name, &folder);
    }
    let users = deployment.run(&["bus", "accounts"]).await;
    assert!(users.status.success(), "{}", String::from_utf8_lossy(&users.stderr));
    let file = |name: &str| folder.join(name);
    let tls = format!(
        "tls {{ cert_file: {:?}\nkey_file: {:?}\nca_file: {:?}\nverify: true }}\n{}",
        file("127.0.0.1.pem"),
        file("127.0.0.1.key"),
        file("roots.pem"),
        String::from_utf8(users.stdout).unwrap(),
    );
    let broker = Server::start("", &tls);
    let bus = format!(
        "nats = {:?}\nroots = \"roots.pem\"\ncertificate = \"maso.pem\"\nkey = \"maso.key\"",
        broker.url().replace("nats://", "tls://")
    );
    let behind = Behind::at(deployment, broker, &bus).await;
    with_passphrase(&behind).await;
    behind.deployment.put_note("diary", "it rains");

    let without = behind.invite_with("reader", &[]).await.unwrap_err();
    assert!(without.contains("asks for certificates") && without.contains("--certificate"), "{without}");
    let (certificate, key, other) = (file("reader.pem"), file("reader.key"), file("maso.key"));
    let [certificate, key, other] = [&certificate, &key, &other].map(|path| path.to_str().unwrap());
    let wrong = behind.invite_with("reader", &["--certificate", certificate, "--key", other]).await.unwrap_err();
    assert!(wrong.contains("cannot be used"), "{wrong}");
    let invitation = behind.invite_with("reader", &["--certificate", certificate, "--key", key]).await.unwrap();
    let reader = Beside::start(&behind.home("reader"), Some(&invitation), None).await.unwrap();
    let client = Client::open_bare(reader.address, "notes").await;
    assert!(is_done(&client.call("read_note", json!({ "note": "diary" })).await));
    reader.stop().await;

    // What others may read is no secret, so nothing starts with it.
    fs::set_permissions(file("maso.key"), fs::Permissions::from_mode(0o644)).unwrap();
    let exposed = behind.deployment.run(&["bus", "prepare"]).await;
    assert!(!exposed.status.success());
    assert!(String::from_utf8_lossy(&exposed.stderr).contains("may be read by others"));
    behind.up.stop().await;
    behind.deployment.verify().await;
}
