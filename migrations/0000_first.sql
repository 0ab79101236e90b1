CREATE TABLE "api_keys" (
	"id" text PRIMARY KEY NOT NULL,
	"lineage_id" text NOT NULL,
	"version" integer DEFAULT 1 NOT NULL,
	"secret_hash" text NOT NULL,
	"display_prefix" text NOT NULL,
	"name" text NOT NULL,
	"owner_type" text NOT NULL,
	"owner_id" text NOT NULL,
	"environment" text NOT NULL,
	"scopes" text[] NOT NULL,
	"allowed_addresses" text[] NOT NULL,
	"limits" jsonb NOT NULL,
	"metadata" jsonb NOT NULL,
	"enabled" boolean DEFAULT true NOT NULL,
	"expires_at" timestamp with time zone,
	"revoked_at" timestamp with time zone,
	"deleted_at" timestamp with time zone,
	"exposed_at" timestamp with time zone,
	"replaces" text,
	"replaced_by" text,
	"imported" boolean DEFAULT false NOT NULL,
	"created_by" text NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"updated_at" timestamp with time zone NOT NULL,
	"last_used_at" timestamp with time zone,
	"last_used_address" text,
	"last_used_country" text,
	CONSTRAINT "api_keys_hash_shape" CHECK ("api_keys"."secret_hash" ~ '^[0-9a-f]{64}$'),
	CONSTRAINT "api_keys_owner_type" CHECK ("api_keys"."owner_type" in ('user', 'organization', 'service')),
	CONSTRAINT "api_keys_environment" CHECK ("api_keys"."environment" in ('live', 'test')),
	CONSTRAINT "api_keys_limits_shape" CHECK (jsonb_typeof("api_keys"."limits") = 'array'),
	CONSTRAINT "api_keys_metadata_shape" CHECK (jsonb_typeof("api_keys"."metadata") = 'object')
);
--> statement-breakpoint
CREATE TABLE "audit_events" (
	"id" text PRIMARY KEY NOT NULL,
	"at" timestamp with time zone NOT NULL,
	"type" text NOT NULL,
	"outcome" text NOT NULL,
	"reason" text,
	"actor_type" text NOT NULL,
	"actor_id" text NOT NULL,
	"subject_type" text,
	"subject_id" text,
	"request_id" text NOT NULL,
	"address" text NOT NULL,
	"country" text,
	"count" integer DEFAULT 1 NOT NULL
);
--> statement-breakpoint
CREATE TABLE "gateway_routes" (
	"id" text PRIMARY KEY NOT NULL,
	"version" integer DEFAULT 1 NOT NULL,
	"name" text NOT NULL,
	"host" text,
	"path" text NOT NULL,
	"upstream_url" text,
	"upstream_service" text,
	"keep_path" boolean NOT NULL,
	"credentials" text[] NOT NULL,
	"scopes" text[] NOT NULL,
	"limits" jsonb NOT NULL,
	"timeout_seconds" integer NOT NULL,
	"cors_origins" text[] NOT NULL,
	"enabled" boolean NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"updated_at" timestamp with time zone NOT NULL,
	CONSTRAINT "gateway_routes_one_upstream" CHECK (num_nonnulls("gateway_routes"."upstream_url", "gateway_routes"."upstream_service") = 1),
	CONSTRAINT "gateway_routes_credentials" CHECK (cardinality("gateway_routes"."credentials") > 0),
	CONSTRAINT "gateway_routes_public_alone" CHECK (not ('public' = any("gateway_routes"."credentials")) or cardinality("gateway_routes"."credentials") = 1),
	CONSTRAINT "gateway_routes_timeout" CHECK ("gateway_routes"."timeout_seconds" between 1 and 300),
	CONSTRAINT "gateway_routes_limits_shape" CHECK (jsonb_typeof("gateway_routes"."limits") = 'array')
);
--> statement-breakpoint
CREATE TABLE "change_outbox" (
	"number" bigserial PRIMARY KEY NOT NULL,
	"kind" text NOT NULL,
	"subject_id" text NOT NULL,
	"version" integer NOT NULL,
	"noted_at" timestamp with time zone NOT NULL,
	"announced_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "signing_keys" (
	"kid" text PRIMARY KEY NOT NULL,
	"purpose" text NOT NULL,
	"algorithm" text NOT NULL,
	"slot" integer NOT NULL,
	"public_jwk" jsonb NOT NULL,
	"private_jwk_sealed" text NOT NULL,
	"published_at" timestamp with time zone NOT NULL,
	"killed_at" timestamp with time zone
);
--> statement-breakpoint
CREATE UNIQUE INDEX "api_keys_secret_hash" ON "api_keys" USING btree ("secret_hash");--> statement-breakpoint
CREATE INDEX "api_keys_owner" ON "api_keys" USING btree ("owner_type","owner_id","created_at" DESC NULLS LAST,"id" DESC NULLS LAST);--> statement-breakpoint
CREATE INDEX "api_keys_newest" ON "api_keys" USING btree ("created_at" DESC NULLS LAST,"id" DESC NULLS LAST);--> statement-breakpoint
CREATE INDEX "audit_events_newest" ON "audit_events" USING btree ("at" DESC NULLS LAST,"id" DESC NULLS LAST);--> statement-breakpoint
CREATE INDEX "audit_events_actor" ON "audit_events" USING btree ("actor_id","at" DESC NULLS LAST);--> statement-breakpoint
CREATE INDEX "audit_events_subject" ON "audit_events" USING btree ("subject_id","at" DESC NULLS LAST);--> statement-breakpoint
CREATE INDEX "audit_events_type" ON "audit_events" USING btree ("type","at" DESC NULLS LAST);--> statement-breakpoint
CREATE UNIQUE INDEX "gateway_routes_name" ON "gateway_routes" USING btree ("name");--> statement-breakpoint
CREATE UNIQUE INDEX "gateway_routes_match" ON "gateway_routes" USING btree (coalesce("host", ''),lower("path"));--> statement-breakpoint
CREATE INDEX "change_outbox_pending" ON "change_outbox" USING btree ("announced_at","number");--> statement-breakpoint
CREATE UNIQUE INDEX "signing_keys_slot" ON "signing_keys" USING btree ("purpose","algorithm","slot");