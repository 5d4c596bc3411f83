// One worker and a fresh context per case (its default), the browser of the distribution, no retries.
import { defineConfig } from '@playwright/test';

export default defineConfig({
  testDir: '.',
  workers: Number(process.env.BENCH_WORKERS ?? 1),
  fullyParallel: true,
  retries: 0,
  timeout: 15_000,
  expect: { timeout: 10_000 },
  outputDir: process.env.BENCH_OUT ?? '/tmp/assay-bench-playwright',
  reporter: [['./verdicts.js']],
  use: {
    baseURL: process.env.BENCH_SHOP ?? 'http://127.0.0.1:8500',
    viewport: { width: 1280, height: 720 },
    actionTimeout: 5_000,
    launchOptions: { executablePath: process.env.BENCH_CHROMIUM ?? '/usr/bin/chromium', chromiumSandbox: false },
  },
});
