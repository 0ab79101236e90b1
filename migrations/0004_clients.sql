CREATE TABLE "clients" (
	"id" text PRIMARY KEY NOT NULL,
	"version" integer DEFAULT 1 NOT NULL,
	"metadata" jsonb NOT NULL,
	"secrets" jsonb NOT NULL,
	"enabled" boolean DEFAULT true NOT NULL,
	"registered_by" text NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"updated_at" timestamp with time zone NOT NULL,
	CONSTRAINT "clients_metadata_shape" CHECK (jsonb_typeof("clients"."metadata") = 'object'),
	CONSTRAINT "clients_secrets_shape" CHECK (jsonb_typeof("clients"."secrets") = 'array'),
	CONSTRAINT "clients_secrets_two" CHECK (jsonb_array_length("clients"."secrets") <= 2),
	CONSTRAINT "clients_registered_by" CHECK ("clients"."registered_by" in ('operator', 'dynamic', 'document'))
);
--> statement-breakpoint
CREATE INDEX "clients_newest" ON "clients" USING btree ("created_at" DESC NULLS LAST,"id" DESC NULLS LAST);