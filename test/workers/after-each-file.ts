import { afterAll } from "vitest";
import { forgetRoutes } from "../support/given.ts";

afterAll(forgetRoutes);
