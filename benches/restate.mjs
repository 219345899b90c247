// A Restate service whose handlers make durable steps that do nothing: one after another, or at once.
import * as restate from "@restatedev/restate-sdk";

// Node 20 has none of its own.
Promise.withResolvers ??= function () {
  let resolve, reject;
  const promise = new this((done, failed) => { resolve = done; reject = failed; });
  return { promise, resolve, reject };
};

const bench = restate.service({
  name: "bench",
  handlers: {
    chain: async (context, steps) => {
      for (let at = 0; at < steps; at++) await context.run("s" + at, () => at);
      return steps;
    },
    fan: async (context, steps) => {
      const all = Array.from({ length: steps }, (_, at) => context.run("s" + at, () => at));
      await restate.RestatePromise.all(all);
      return steps;
    },
  },
});
restate.serve({ services: [bench], port: Number(process.env.PORT) });
