//! Commands or readings travel unencrypted beyond this machine.
//!
//! Whoever is on the way can read a credential, forge a reply, or publish ARM himself. A private
//! network is on the way as well: every container and every laptop in it. Only addresses of this
//! machine (`127.0.0.0/8`, `::1`, `localhost`) need no TLS.
//!
//! ```yaml bad
//! titan: 1
//! target: plain
//! nats: { url: ["nats://10.0.0.5:4222"] }
//! ```
//!
//! ```yaml good
//! titan: 1
//! target: plain
//! nats: { url: ["tls://10.0.0.5:4222"], tls: { ca: /etc/titan-run/nats-ca.pem } }
//! ```

use crate::diagnostic::{Severity, Strength};
use crate::yaml::Node;

use super::{Check, Group, Report, Rule, Subject, TargetSubject};
use crate::lint::places::Leaf;
use crate::lint::urls::{Address, is_in_host};

pub(super) const RULE: Rule = Rule {
    code: "plaintext-transport",
    severity: Severity::Error,
    strength: Strength::Proved,
    group: Group::Security,
    source: include_str!("plaintext_transport.rs"),
    check: Check::Both(check, check_target),
};

fn check(subject: &Subject<'_>, report: &mut Report<'_>) {
    let requests = subject.uses().iter().filter(|one| one.primitive() == "http");
    let scripted = subject.scripted().iter().filter(|one| one.declaration.name == "http");
    let urls = requests.filter_map(|one| one.argument("url")).chain(scripted.filter_map(|one| one.argument("url")));
    for leaf in urls.filter_map(Leaf::of) {
        if !is_in_host(leaf.text(), 0) {
            tell(&leaf, &["http"], report);
        }
    }
}

fn check_target(subject: &TargetSubject<'_>, report: &mut Report<'_>) {
    // What a world plays is never connected to.
    if subject.target.world.is_some() {
        return;
    }
    let mut tell = |node: &Node, schemes: &[&str]| {
        Leaf::of(node).iter().for_each(|leaf| tell(leaf, schemes, report));
    };
    if let Some(nats) = subject.tree.get("nats").filter(|nats| nats.get("tls").is_none()) {
        let urls = nats.get("url").map_or(&[][..], Node::items);
        urls.iter().for_each(|url| tell(url, &["nats", "ws", ""]));
    }
    if let Some(url) = subject.tree.get("prometheus").and_then(|prometheus| prometheus.get("url")) {
        tell(url, &["http"]);
    }
    let services = subject.tree.get("services").map_or(&[][..], Node::entries);
    let scraped = services.iter().filter_map(|(_, service)| service.get("metrics")?.get("scrape"));
    scraped.for_each(|url| tell(url, &["http"]));
}

/// Says it where an address has one of these schemes and leaves this machine.
fn tell(leaf: &Leaf<'_>, schemes: &[&str], report: &mut Report<'_>) {
    let address = Address::of(leaf.text());
    if !schemes.contains(&address.scheme.as_str()) || address.host.is_empty() || address.is_loopback() {
        return;
    }
    let secure = if address.scheme == "http" { "https" } else { "tls" };
    let message = format!("what is sent to `{}` can be read and forged on the way", address.host);
    let found =
        report.at(message, leaf.part(report.file(), address.host_place.clone())).label("this is another machine");
    report.push(found.help(format!("write `{secure}://...`, or reach it through a tunnel that ends at 127.0.0.1")));
}
