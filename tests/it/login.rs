//! Every way to log in to NATS that a target can name, against a real server.

use std::fs;
use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

use crate::stage::Nats;
use crate::tool::{Ran, command, finished};

/// The key pair of the NATS documentation's example.
const SEED: &str = "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY";
const PUBLIC: &str = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4";

/// Asks where nobody answers: who gets that far is logged in.
fn ask(folder: &Path, nats: &str) -> Ran {
    let runbook = "titan: 1\nrunbook: ask\nsteps:\n  ask: { do: nats_req, with: { subject: titan.req.nobody } }\n";
    fs::write(folder.join("ask.yaml"), runbook).unwrap();
    fs::write(folder.join("place.yaml"), format!("titan: 1\ntarget: place\nnats: {{ {nats} }}\n")).unwrap();
    let mut asking = command(&["run"]);
    asking.arg(folder.join("ask.yaml")).arg("--target").arg(folder.join("place.yaml"));
    finished(asking.env("NATS_SECRET", "s3cret").env("TITAN_RUNS", folder.join("runs")).output().unwrap()).exits(1)
}

#[track_caller]
fn is_in(ran: Ran) {
    ran.says("no_responders: nobody answers");
}

#[test]
fn a_password_and_a_token_come_from_the_environment_or_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let server = Nats::start(folder.path(), "authorization { user: me, password: s3cret }\n");
    let url = format!("url: [\"{}\"]", server.url());
    is_in(ask(folder.path(), &format!("{url}, user: me, password: env:NATS_SECRET")));
    let file = folder.path().join("secret");
    fs::write(&file, "s3cret\n").unwrap();
    is_in(ask(folder.path(), &format!("{url}, user: me, password: \"file:{}\"", file.display())));
    let wrong = ask(folder.path(), &format!("{url}, user: you, password: env:NATS_SECRET"));
    assert!(wrong.out.contains("authorization violation") && !wrong.out.contains("s3cret"), "{}", wrong.out);
    let token = Nats::start(folder.path(), "authorization { token: s3cret }\n");
    is_in(ask(folder.path(), &format!("url: [\"{}\"], token: env:NATS_SECRET", token.url())));
    ask(folder.path(), &format!("{url}, user: me, password: env:NO_SUCH_SECRET")).says("`env:NO_SUCH_SECRET`");
}

#[test]
fn an_nkey_signs_the_servers_nonce() {
    let folder = tempfile::tempdir().unwrap();
    let server = Nats::start(folder.path(), &format!("authorization {{ users: [ {{ nkey: {PUBLIC} }} ] }}\n"));
    let seed = folder.path().join("seed");
    fs::write(&seed, SEED).unwrap();
    let nkey = format!("url: [\"{}\"], nkey: \"file:{}\"", server.url(), seed.display());
    is_in(ask(folder.path(), &nkey));
}

#[test]
fn addresses_are_tried_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let server = Nats::start(folder.path(), "");
    is_in(ask(folder.path(), &format!("url: [\"nats://127.0.0.1:1\", \"{}\"]", server.url())));
    ask(folder.path(), "url: [\"nats://127.0.0.1:1\"]").says("no connection to NATS at nats://127.0.0.1:1");
}

#[test]
fn tls_needs_the_own_ca_and_the_client_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    fs::write(path("ca.pem"), authority.pem()).unwrap();
    for name in ["server", "client"] {
        let key = KeyPair::generate().unwrap();
        let names = vec!["127.0.0.1".to_owned(), "localhost".to_owned()];
        let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &authority).unwrap();
        fs::write(path(&format!("{name}.pem")), certificate.pem()).unwrap();
        fs::write(path(&format!("{name}-key.pem")), key.serialize_pem()).unwrap();
    }
    let tls = "tls { cert_file: \"$FOLDER/server.pem\", key_file: \"$FOLDER/server-key.pem\", \
               ca_file: \"$FOLDER/ca.pem\", verify: true }\n";
    let server = Nats::start(folder.path(), tls);
    let url = format!("url: [\"tls://127.0.0.1:{}\"]", server.port);
    let (ca, cert, key) = (path("ca.pem"), path("client.pem"), path("client-key.pem"));
    is_in(ask(folder.path(), &format!("{url}, tls: {{ ca: \"{ca}\", cert: \"{cert}\", key: \"{key}\" }}")));
    ask(folder.path(), &format!("{url}, tls: {{ ca: \"{ca}\" }}")).says("no connection to NATS");
    ask(folder.path(), &url).says("no connection to NATS");
}
