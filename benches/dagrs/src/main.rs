//! One round of dagrs: 1,000 steps that do nothing, one after another or all at once.
//!
//! `bench-dagrs chain|fan STEPS TIMES` prints the median nanoseconds of a whole graph, made
//! beforehand: what is timed is its being carried out.

use std::sync::Arc;
use std::time::Instant;

use dagrs::{Action, Content, DefaultNode, EnvVar, Graph, InChannels, Node, NodeTable, OutChannels, Output};

struct Nothing;

#[async_trait::async_trait]
impl Action for Nothing {
    async fn run(&self, from: &mut InChannels, to: &mut OutChannels, _: Arc<EnvVar>) -> Output {
        from.map(|_| ()).await;
        to.broadcast(Content::new(1_u32)).await;
        Output::empty()
    }
}

fn graph(steps: usize, is_chain: bool) -> Graph {
    let mut table = NodeTable::new();
    let mut graph = Graph::new();
    let mut ids = Vec::new();
    for at in 0..steps {
        let node = DefaultNode::with_action(format!("s{at}"), Nothing, &mut table);
        ids.push(node.id());
        graph.add_node(node).unwrap();
    }
    for pair in ids.windows(2).filter(|_| is_chain) {
        graph.add_edge(pair[0], vec![pair[1]]).unwrap();
    }
    graph
}

fn main() {
    let words: Vec<_> = std::env::args().collect();
    let (is_chain, steps) = (words[1] == "chain", words[2].parse().unwrap());
    let times: usize = words[3].parse().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut taken = Vec::new();
    for _ in 0..times {
        let mut graph = graph(steps, is_chain);
        runtime.block_on(async {
            let began = Instant::now();
            graph.async_start().await.unwrap();
            taken.push(began.elapsed().as_nanos());
        });
    }
    taken.sort_unstable();
    println!("{}", taken[times / 2]);
}
