import { Form } from "../http/form-fields.tsx";
import { type FormState, Notes } from "./sign-in.page.tsx";

/** Looking at it does nothing: scanners of mail open every link, and a person presses the button. */
export function VerifyEmailContent(props: { token: string; state: FormState }) {
  return (
    <>
      <h1>Confirm your address</h1>
      <p>If it was you who asked for this, confirm that the address of the mail is yours.</p>
      <Notes state={props.state} />
      <Form token={props.token}>
        <button type="submit" class="primary whole">
          Confirm the address
        </button>
      </Form>
      <p class="after">If it was somebody else, close this page. Then nothing happens.</p>
    </>
  );
}
