// `npm run test:services` without servers would silently test the embedded ones twice.
const missing = ["DATABASE_URL", "REDIS_URL"].filter((name) => !process.env[name]);
if (missing.length > 0) {
  console.error(
    `${missing.join(" and ")} must name real servers to test against (a scratch Redis: some tests empty it).`,
  );
  process.exit(1);
}
