import { Field, Form } from "../http/form-fields.tsx";
import { TextCodeField } from "./code-field.page.tsx";
import { phoneWords } from "./set-up.page.tsx";
import { type FormState, Notes } from "./sign-in.page.tsx";

type FormAsked = { readonly action: string; readonly token: string; readonly state: FormState };

const NotNow = () => (
  <p class="after line">
    <a href="/account/security">Not now</a>
  </p>
);

/** Before anything is sent: what it is worth, and the number. */
export function PhoneStartContent(props: FormAsked & { isChange: boolean; number: string | undefined }) {
  const { action, token, state, isChange } = props;
  return (
    <>
      <h1>{isChange ? "Change your phone number" : "Add a phone number"}</h1>
      <Notes state={state} />
      <p>{phoneWords}</p>
      {isChange ? <p>The number that you have now goes on working until the new one is confirmed.</p> : null}
      <Form action={action} token={token}>
        <Field
          name="number"
          label="Mobile phone number"
          type="text"
          inputmode="tel"
          autocomplete="tel"
          hint="With its country, from the plus on, like +49 151 2345678."
          value={props.number}
          error={state.errors?.number}
          isFirst
        />
        <button type="submit" class="primary whole">
          Send a code to it
        </button>
      </Form>
      <NotNow />
    </>
  );
}

export function PhoneCodeContent(props: FormAsked & { phone: { id: string; ending: string } }) {
  const { phone, state } = props;
  return (
    <>
      <h1>Confirm your phone number</h1>
      <Notes state={state} />
      <p>A code is on its way to the number that ends in {phone.ending}.</p>
      <Form action={props.action} token={props.token}>
        <input type="hidden" name="id" value={phone.id} />
        <TextCodeField error={state.errors?.sms_code} isFirst />
        <button type="submit" class="primary whole">
          Confirm the number
        </button>
      </Form>
      <p class="after links">
        <a href="/account/security/phone">Nothing came? Begin again</a>
        <a href="/account/security">Not now</a>
      </p>
    </>
  );
}
