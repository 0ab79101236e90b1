CREATE TABLE "accounts" (
	"id" text PRIMARY KEY NOT NULL,
	"version" integer DEFAULT 1 NOT NULL,
	"email" text NOT NULL,
	"email_canonical" text NOT NULL,
	"password_hash" text,
	"password_changed_at" timestamp with time zone,
	"scopes" text[] NOT NULL,
	"state" text NOT NULL,
	"revoked_before" timestamp with time zone,
	"created_at" timestamp with time zone NOT NULL,
	"updated_at" timestamp with time zone NOT NULL,
	"last_signed_in_at" timestamp with time zone,
	CONSTRAINT "accounts_state" CHECK ("accounts"."state" in ('active', 'disabled', 'deleted'))
);
--> statement-breakpoint
CREATE TABLE "mail_links" (
	"id" text PRIMARY KEY NOT NULL,
	"secret_hash" text NOT NULL,
	"purpose" text NOT NULL,
	"account_id" text,
	"email" text NOT NULL,
	"email_canonical" text NOT NULL,
	"password_hash" text,
	"created_at" timestamp with time zone NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	"used_at" timestamp with time zone,
	CONSTRAINT "mail_links_purpose" CHECK ("mail_links"."purpose" in ('register', 'recover', 'change-address'))
);
--> statement-breakpoint
CREATE TABLE "sessions" (
	"id" text PRIMARY KEY NOT NULL,
	"family_id" text NOT NULL,
	"account_id" text NOT NULL,
	"kind" text NOT NULL,
	"secret_hash" text,
	"created_at" timestamp with time zone NOT NULL,
	"last_seen_at" timestamp with time zone NOT NULL,
	"idle_expires_at" timestamp with time zone NOT NULL,
	"absolute_expires_at" timestamp with time zone NOT NULL,
	"user_agent" text NOT NULL,
	"address" text NOT NULL,
	"city" text,
	"country" text,
	CONSTRAINT "sessions_kind" CHECK ("sessions"."kind" in ('browser', 'native'))
);
--> statement-breakpoint
CREATE TABLE "refresh_families" (
	"id" text PRIMARY KEY NOT NULL,
	"session_id" text NOT NULL,
	"account_id" text NOT NULL,
	"client_id" text NOT NULL,
	"audience" text NOT NULL,
	"scopes" text[] NOT NULL,
	"auth_time" timestamp with time zone NOT NULL,
	"acr" text NOT NULL,
	"amr" text[] NOT NULL,
	"current_hash" text NOT NULL,
	"previous_hash" text,
	"generation" integer NOT NULL,
	"rotated_at" timestamp with time zone NOT NULL,
	"secret_version" integer NOT NULL,
	"tokens_from" timestamp with time zone,
	"created_at" timestamp with time zone NOT NULL,
	"idle_expires_at" timestamp with time zone NOT NULL,
	"absolute_expires_at" timestamp with time zone NOT NULL,
	"revoked_at" timestamp with time zone,
	"revoked_reason" text,
	CONSTRAINT "refresh_families_end_told" CHECK (("refresh_families"."revoked_at" is null) = ("refresh_families"."revoked_reason" is null)),
	CONSTRAINT "refresh_families_generation" CHECK ("refresh_families"."generation" >= 0)
);
--> statement-breakpoint
ALTER TABLE "gateway_routes" ADD COLUMN "audiences" text[] DEFAULT '{}' NOT NULL;--> statement-breakpoint
ALTER TABLE "change_outbox" ADD COLUMN "expires_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "signing_keys" ADD COLUMN "signs_from" timestamp with time zone;--> statement-breakpoint
UPDATE "signing_keys" SET "signs_from" = "published_at";--> statement-breakpoint
ALTER TABLE "signing_keys" ALTER COLUMN "signs_from" SET NOT NULL;--> statement-breakpoint
ALTER TABLE "signing_keys" ADD COLUMN "signs_until" timestamp with time zone;--> statement-breakpoint
CREATE UNIQUE INDEX "accounts_email" ON "accounts" USING btree ("email_canonical");--> statement-breakpoint
CREATE INDEX "accounts_newest" ON "accounts" USING btree ("created_at" DESC NULLS LAST,"id" DESC NULLS LAST);--> statement-breakpoint
CREATE UNIQUE INDEX "mail_links_secret" ON "mail_links" USING btree ("secret_hash");--> statement-breakpoint
CREATE INDEX "mail_links_account" ON "mail_links" USING btree ("account_id");--> statement-breakpoint
CREATE INDEX "mail_links_end" ON "mail_links" USING btree ("expires_at");--> statement-breakpoint
CREATE UNIQUE INDEX "sessions_secret" ON "sessions" USING btree ("secret_hash");--> statement-breakpoint
CREATE UNIQUE INDEX "sessions_family" ON "sessions" USING btree ("family_id");--> statement-breakpoint
CREATE INDEX "sessions_account" ON "sessions" USING btree ("account_id","created_at" DESC NULLS LAST);--> statement-breakpoint
CREATE INDEX "sessions_end" ON "sessions" USING btree ("absolute_expires_at");--> statement-breakpoint
CREATE INDEX "refresh_families_session" ON "refresh_families" USING btree ("session_id");--> statement-breakpoint
CREATE INDEX "refresh_families_account" ON "refresh_families" USING btree ("account_id");--> statement-breakpoint
CREATE INDEX "refresh_families_end" ON "refresh_families" USING btree ("absolute_expires_at");--> statement-breakpoint
CREATE INDEX "change_outbox_live" ON "change_outbox" USING btree ("expires_at");