ALTER TABLE "gateway_routes" ADD COLUMN "level" text;--> statement-breakpoint
ALTER TABLE "gateway_routes" ADD COLUMN "max_age_seconds" integer;--> statement-breakpoint
ALTER TABLE "gateway_routes" ADD CONSTRAINT "gateway_routes_level" CHECK ("gateway_routes"."level" in ('one-factor', 'two-factor', 'phishing-resistant'));--> statement-breakpoint
ALTER TABLE "gateway_routes" ADD CONSTRAINT "gateway_routes_max_age" CHECK ("gateway_routes"."max_age_seconds" between 1 and 2592000);