// The Vercel AI SDK, unchanged, with both of its providers for such servers: run by test_npm.py in the folder of its packages.
import assert from "node:assert/strict";
import test from "node:test";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { APICallError, generateObject, generateText, NoObjectGeneratedError, Output, RetryError, stepCountIs, streamObject, streamText, tool } from "ai";
import { z } from "zod";

const name = "custodian-triage-balanced";
const prompt = "hello";
const quiet = { maxRetries: 0, onError: () => {} };
const asked = (url, key = "unused") => ({ baseURL: `${url}/v1`, apiKey: key });
const compatible = (url, key) => createOpenAICompatible({ name: "gateway", includeUsage: true, supportsStructuredOutputs: true, ...asked(url, key) });
const providers = {
  "openai-compatible": (url, key) => (id) => compatible(url, key)(id),
  openai: (url, key) => (id) => createOpenAI(asked(url, key)).chat(id),
};

const Forecast = z.object({
  city: z.string().min(2),
  unit: z.enum(["celsius", "fahrenheit"]),
  days: z.array(z.number().int()).min(3),
  mail: z.email().nullable(),
});
const weather = () => tool({
  description: "The weather at a place.",
  inputSchema: Forecast,
  execute: async ({ city, days }) => `${city}: ${days.length} days of sun`,
});
const clock = () => tool({ description: "The time.", inputSchema: z.object({ zone: z.string() }), execute: async () => "noon" });

for (const [kind, provide] of Object.entries(providers)) {
  const model = provide(process.env.GATEWAY_URL);

  test(`${kind}: a text and its usage`, async () => {
    const found = await generateText({ model: model(name), system: "Be short", prompt, temperature: 0.5, maxOutputTokens: 500 });
    assert.match(found.text, /^Simulated answer/);
    assert.equal(found.finishReason, "stop");
    assert.equal(found.usage.totalTokens, found.usage.inputTokens + found.usage.outputTokens);
    assert.notEqual(found.response.modelId, name);
  });

  test(`${kind}: a stream and its usage`, async () => {
    const found = streamText({ model: model(name), prompt });
    const pieces = [];
    for await (const piece of found.textStream) pieces.push(piece);
    assert.ok(pieces.length > 1);
    assert.equal(pieces.join(""), "Simulated answer to a prompt of 5 characters.");
    assert.equal(await found.finishReason, "stop");
    assert.ok((await found.usage).outputTokens > 0);
  });

  for (const toolChoice of ["required", { type: "tool", toolName: "weather" }]) {
    test(`${kind}: a tool is called with arguments of its schema (${JSON.stringify(toolChoice)})`, async () => {
      const found = await generateText({ model: model(name), prompt, tools: { weather: weather(), clock: clock() }, toolChoice });
      assert.equal(found.finishReason, "tool-calls");
      assert.deepEqual(found.toolCalls.map((call) => call.toolName), ["weather"]);
      assert.ok(!found.toolCalls[0].invalid);
      Forecast.parse(found.toolCalls[0].input);
      assert.match(found.toolResults[0].output, /days of sun$/);
    });
  }

  for (const toolChoice of ["none", "auto"]) {
    test(`${kind}: a tool that need not be called (${toolChoice})`, async () => {
      const found = await generateText({ model: model(name), prompt, tools: { weather: weather() }, toolChoice });
      assert.deepEqual(found.toolCalls, []);
    });
  }

  test(`${kind}: several steps with tools, streamed and not`, async () => {
    const work = { model: model(name), prompt: "weather and clock, please", tools: { weather: weather(), clock: clock() }, stopWhen: stepCountIs(4) };
    const whole = await generateText(work);
    const streamed = streamText(work);
    await streamed.consumeStream();
    for (const [steps, text] of [[whole.steps, whole.text], [await streamed.steps, await streamed.text]]) {
      assert.equal(steps.length, 2);
      assert.deepEqual(steps[0].toolCalls.map((call) => call.toolName), ["weather", "clock"]);
      assert.match(text, /^Simulated answer/);
    }
  });

  test(`${kind}: structured output, streamed and not`, async () => {
    const whole = await generateObject({ model: model(name), schema: Forecast, prompt });
    Forecast.parse(whole.object);
    const streamed = streamObject({ model: model(name), schema: Forecast, prompt });
    let parts = 0;
    for await (const _ of streamed.partialObjectStream) parts += 1;
    assert.ok(parts > 1);
    Forecast.parse(await streamed.object);
    const { output } = await generateText({ model: model(name), output: Output.object({ schema: Forecast }), prompt });
    Forecast.parse(output);
  });

  test(`${kind}: prose instead of an object keeps the text`, async () => {
    await assert.rejects(generateObject({ model: model("prose"), schema: Forecast, prompt, maxRetries: 0 }), (error) => {
      assert.ok(NoObjectGeneratedError.isInstance(error), error.name);
      assert.match(error.text, /^Sure/);
      return true;
    });
  });

  for (const [id, status, words] of [
    ["429", 429, "Rate limit exceeded"],
    ["400", 400, "Invalid parameter"],
    ["401", 502, "No auth credentials found"],
    ["503", 502, "No provider is available"],
    ["html-502", 502, "502 Bad Gateway"],
    ["nobody/declared-this", 404, "choose one of"],
  ]) {
    test(`${kind}: ${id} says what the provider said, streamed and not`, async () => {
      const check = (error) => {
        assert.ok(APICallError.isInstance(error), error.name);
        assert.equal(error.statusCode, status);
        assert.ok(error.message.includes(words), error.message);
        assert.ok(JSON.parse(error.responseBody).error.type);
        assert.ok(error.responseHeaders["x-request-id"]);
        return true;
      };
      await assert.rejects(generateText({ model: model(id), prompt, maxRetries: 0 }), check);
      let seen;
      await streamText({ model: model(id), prompt, ...quiet, onError: ({ error }) => { seen = error; } }).consumeStream();
      check(seen);
    });
  }

  test(`${kind}: a stream that breaks is an error with the provider's words`, async () => {
    let seen;
    const parts = [];
    const found = streamText({ model: model("stream-error"), prompt, ...quiet, onError: ({ error }) => { seen = error; } });
    for await (const part of found.fullStream) parts.push(part.type);
    assert.ok(parts.includes("text-delta"));
    assert.ok(parts.includes("error"));
    assert.match(JSON.stringify(seen, Object.getOwnPropertyNames(Object(seen))) + String(seen), /Provider disconnected/);
  });

  test(`${kind}: a refused caller`, async () => {
    const [url, token] = [process.env.DECLARED_URL, process.env.CALLER_TOKEN];
    assert.match((await generateText({ model: provide(url, token)(name), prompt })).text, /^Simulated answer/);
    await assert.rejects(generateText({ model: provide(url, "another")(name), prompt }), (error) => error.statusCode === 401 && !error.isRetryable);
  });

  test(`${kind}: a caller that aborts is gone`, async () => {
    const abort = new AbortController();
    let seen = 0;
    for await (const _ of streamText({ model: model("stream-slow"), prompt, abortSignal: abort.signal, ...quiet }).textStream) if (++seen === 2) abort.abort();
    assert.ok(seen < 6, String(seen));
  });
}

// It does not know x-should-retry: what a status calls temporary it repeats, unless it is told not to.
test("it repeats a 502 as often as maxRetries says, and a 400 never", async () => {
  const model = providers.openai(process.env.COUNTED_URL);
  const asks = (id, maxRetries) => generateText({ model: model(id), prompt, maxRetries });
  await assert.rejects(asks("500", 0), APICallError);
  await assert.rejects(asks("500", 1), (error) => RetryError.isInstance(error) && error.errors.length === 2);
  await assert.rejects(asks("400", 2), APICallError);
});
