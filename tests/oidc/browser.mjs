// One person logs in with a headless Chromium: opens a page and presses what comes first until nothing is left to press.
//
//   node browser.mjs URL PERSON FOLDER
//
// Prints a line of JSON for each page that was seen: {"url": …, "text": …, "screenshot": …}. A PERSON of "" gives up at
// the first page that can be cancelled. Nothing but loopback is asked, so that stock pages do without their fonts.
import { chromium } from 'playwright-core';

const [url, person, folder] = process.argv.slice(2);
const flags = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync'];
const context = await chromium.launchPersistentContext(`${folder}/profile`, {
  executablePath: process.env.CHROMIUM || '/usr/bin/chromium', headless: true, args: flags,
});
const page = await context.newPage();
const near = (request) => ['127.0.0.1', 'localhost'].includes(new URL(request.url()).hostname);
await page.route('**', (route) => (near(route.request()) ? route.continue() : route.abort()));
await page.goto(url);
for (let number = 0; number < 9; number += 1) {
  const screenshot = `${folder}/${number}.png`;
  await page.screenshot({ path: screenshot });
  console.log(JSON.stringify({ url: page.url(), text: (await page.innerText('body')).replace(/\s+/g, ' '), screenshot }));
  const cancel = page.getByText('Cancel');
  const name = page.locator('input[name=login]');
  const button = page.locator('button[type=submit], button[autofocus], #confirm, button').first();
  let press = button;
  if (!person && await cancel.count()) press = cancel.first();
  else if (await name.count()) {
    await name.fill(person);
    await page.fill('input[name=password]', 'any');
  } else if (!await button.count()) break;
  await Promise.all([page.waitForEvent('load'), press.click()]);
}
await context.close();
