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
CREATE TABLE "authorization_codes" (
	"code_hash" text PRIMARY KEY NOT NULL,
	"ticket" text,
	"client_id" text NOT NULL,
	"account_id" text NOT NULL,
	"grant_id" text NOT NULL,
	"sign_in_session_id" text NOT NULL,
	"redirect_uri" text NOT NULL,
	"redirect_uri_given" boolean NOT NULL,
	"code_challenge" text,
	"scopes" text[] NOT NULL,
	"resources" text[] NOT NULL,
	"nonce" text,
	"dpop_jkt" text,
	"claims" jsonb,
	"auth_time" timestamp with time zone NOT NULL,
	"acr" text NOT NULL,
	"amr" text[] NOT NULL,
	"issued_at" timestamp with time zone NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	"uses" integer DEFAULT 0 NOT NULL
);
--> statement-breakpoint
CREATE TABLE "consents" (
	"account_id" text NOT NULL,
	"client_id" text NOT NULL,
	"scopes" text[] NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"updated_at" timestamp with time zone NOT NULL,
	CONSTRAINT "consents_account_id_client_id_pk" PRIMARY KEY("account_id","client_id")
);
--> statement-breakpoint
CREATE TABLE "pairwise_subjects" (
	"account_id" text NOT NULL,
	"sector" text NOT NULL,
	"subject" text NOT NULL,
	CONSTRAINT "pairwise_subjects_account_id_sector_pk" PRIMARY KEY("account_id","sector")
);
--> statement-breakpoint
ALTER TABLE "refresh_families" ADD COLUMN "sign_in_session_id" text;--> statement-breakpoint
ALTER TABLE "refresh_families" ADD COLUMN "resources" text[];--> statement-breakpoint
ALTER TABLE "refresh_families" ADD COLUMN "claims" jsonb;--> statement-breakpoint
CREATE INDEX "clients_newest" ON "clients" USING btree ("created_at" DESC NULLS LAST,"id" DESC NULLS LAST);--> statement-breakpoint
CREATE UNIQUE INDEX "authorization_codes_ticket" ON "authorization_codes" USING btree ("ticket");--> statement-breakpoint
CREATE INDEX "authorization_codes_account" ON "authorization_codes" USING btree ("account_id");--> statement-breakpoint
CREATE INDEX "authorization_codes_end" ON "authorization_codes" USING btree ("expires_at");--> statement-breakpoint
CREATE INDEX "consents_client" ON "consents" USING btree ("client_id");--> statement-breakpoint
CREATE UNIQUE INDEX "pairwise_subjects_subject" ON "pairwise_subjects" USING btree ("subject");--> statement-breakpoint
CREATE INDEX "refresh_families_sign_in" ON "refresh_families" USING btree ("sign_in_session_id") WHERE "refresh_families"."sign_in_session_id" is not null;